/** The real nginx, as the end-to-end tests start it. */
import { readFile, writeFile } from 'node:fs/promises'
import { startNginx as start } from '../support/nginx.ts'
import { freePorts } from '../support/ports.ts'
import type { RunningServer, Setup } from './server-case.ts'

/** Starts nginx: two server blocks by name at one address, and one alone at another. */
export async function startNginx({ certificateFile, keyFile, names }: Setup): Promise<RunningServer> {
  const [shared = 0, own = 0] = await freePorts(2)
  const block = (port: number, name: string) =>
    `server { listen 127.0.0.1:${port} ssl; server_name ${name}; ssl_certificate ${certificateFile}; ssl_certificate_key ${keyFile}; }`
  const nginx = await start({
    serverBlocks: [block(shared, names[0]), block(shared, names[1]), block(own, '_')].join('\n'),
  })
  const { configFile, directory } = nginx
  return {
    options: { config: configFile, prefix: `${directory}/` },
    places: [{ port: shared }, { port: shared, serverName: names[1] }, { port: own }],
    breakConfiguration: async () => {
      const text = await readFile(configFile, 'utf8')
      await writeFile(configFile, `${text}no_such_setting on;\n`)
      return () => writeFile(configFile, text)
    },
    [Symbol.asyncDispose]: () => nginx[Symbol.asyncDispose](),
  }
}
