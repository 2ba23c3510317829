/** The licences of the packages whose code is in the bundles. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

// Licences that ask for nothing but their own text beside the code.
const accepted = new Set(['MIT', 'ISC', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', '0BSD', 'MIT-0'])

// Packages that name their licence and leave its text out: whose it is, by their package.json.
const holders: Readonly<Record<string, string>> = { '@bomb.sh/tab': 'Bombshell Authors' }

type Package = {
  readonly name: string
  readonly version: string
  readonly licence: string
  readonly text: string
}

/**
 * A Markdown file with the licence of each package that one of the modules comes from.
 * @param modules - absolute paths of source files, ours among them
 * @throws when a package has no licence file, or a licence that needs a decision first
 */
export function licenceText(modules: readonly string[]): string {
  const directories = new Set(modules.filter(file => file.includes('/node_modules/')).map(packageDirectory))
  const packages = [...directories].map(readPackage).sort((a, b) => (a.name < b.name ? -1 : 1))
  return [
    '# Third-party licences',
    'The files in this directory contain code of these packages.',
    ...packages.map(
      ({ name, version, licence, text }) => `## ${name} ${version} (${licence})\n\n${text.trim()}`,
    ),
    '',
  ].join('\n\n')
}

function packageDirectory(file: string): string {
  const match = /^.*\/node_modules\/(@[^/]+\/)?[^/]+/.exec(file)
  if (match === null) throw new Error(`${file} belongs to no package`)
  return match[0]
}

function readPackage(directory: string): Package {
  const facts: unknown = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'))
  const { name, version, license } = facts as { name: string; version: string; license?: string } // npm checked it
  if (license === undefined || !accepted.has(license)) {
    throw new Error(`${name}: is ${license ?? 'no licence'} acceptable? Then add it to tools/licences.ts`)
  }
  return { name, version, licence: license, text: licenceFile(directory) ?? standardText(name, license) }
}

function licenceFile(directory: string): string | undefined {
  const file = readdirSync(directory).find(entry => /^licen[cs]e/i.test(entry))
  return file === undefined ? undefined : readFileSync(join(directory, file), 'utf8')
}

function standardText(name: string, licence: string): string {
  const holder = holders[name]
  if (holder === undefined || licence !== 'MIT') throw new Error(`${name}: no licence file in the package`)
  return `Copyright (c) ${holder}\n\n${mitText}`
}

const mitText = `Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit
persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.`
