/** The demo's site where there is no nginx: an HTTPS server in this process. */
import { AppError } from '../../base/errors.ts'
import type { DeployableCertificate, Deployer, Endpoint } from '../../contracts/deployer.ts'
import type { HttpsListener } from '../../runtime/network.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import { type DemoSite, demoNames, demoPage } from './site.ts'

/** Starts nothing yet: the first delivery opens the port, as there is no certificate before. */
export async function startBuiltInSite(
  { httpPort, httpsPort }: { readonly httpPort: number; readonly httpsPort: number },
  runtime: Pick<Runtime, 'files' | 'serveHttps'>,
): Promise<DemoSite> {
  let listener: HttpsListener | undefined
  let directory: string | undefined
  const read = async (file: string) => {
    const content = await runtime.files.read(`${directory ?? ''}/${file}`)
    if (content === undefined)
      throw new AppError('ERR_DEPLOY', `there is no ${file} in ${directory ?? 'the live directory'}`)
    return new TextDecoder().decode(content)
  }
  const deployer: Deployer = {
    name: 'site',
    inspect: async (certificate: DeployableCertificate) => {
      directory = certificate.liveDirectory
      return { state: 'ready', endpoints: demoEndpoints(httpsPort, 'the built-in site'), notes: [] }
    },
    activate: async () => {
      const certificate = { certificatePem: await read('fullchain.pem'), keyPem: await read('privkey.pem') }
      if (listener !== undefined) return listener.setCertificate(certificate)
      const page = async () => new Response(demoPage, { headers: { 'content-type': 'text/plain' } })
      listener = await runtime.serveHttps(page, { host: '127.0.0.1', port: httpsPort, ...certificate })
    },
  }
  return {
    name: 'the built-in site',
    httpPort,
    httpsPort,
    solver: {
      name: 'http-01-standalone',
      options: { port: httpPort, hosts: ['127.0.0.1'], httpPort, selfCheck: true },
    },
    deployer,
    [Symbol.asyncDispose]: async () => listener?.[Symbol.asyncDispose](),
  }
}

/** Every name of the demo at the port of its site. */
export function demoEndpoints(port: number, source: string): readonly Endpoint[] {
  return demoNames.map(serverName => ({ host: '127.0.0.1', port, serverName, source }))
}
