/**
 * Preloaded by the package scripts that run TypeScript sources: an older Node would only complain about the file
 * extension. Plain JavaScript, because that older Node has to read it.
 */
import process from 'node:process'

// The first Node 22 that runs erasable TypeScript without a flag.
const minimum = [22, 18]

const [major, minor] = process.versions.node.split('.').map(Number)
if (major < minimum[0] || (major === minimum[0] && minor < minimum[1])) {
  console.error(`error: Node ${minimum.join('.')} or later is needed, this is ${process.versions.node}`)
  console.error(
    'hint: npm ci puts a fitting Node into node_modules; where npm blocked its install script, run',
  )
  console.error('hint:   npm rebuild node --ignore-scripts=false')
  process.exit(1)
}
