/** The demo's site on the real nginx, in a directory of its own. */
import { AppError } from '../../base/errors.ts'
import { challengeSnippet } from '../../plugins/deployers/nginx/challenge-snippet.ts'
import { createDeployer } from '../../plugins/registry.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import { type DemoSite, demoNames, demoPage } from './site.ts'

const publicMode = 0o644
const startTimeoutMs = 5_000

export type NginxSiteOptions = {
  /** Everything nginx reads and writes lies here; nobody else may use it. */
  readonly directory: string
  /** `live/<name>` of the certificate that is to come. */
  readonly liveDirectory: string
  readonly httpPort: number
  readonly httpsPort: number
  readonly signal: AbortSignal
}

/**
 * Starts nginx on port 80's stand-in, then adds the TLS server that waits for its certificate: what an administrator
 * does on the first day.
 * @returns `undefined` where nginx is not installed
 */
export async function startNginxSite(
  { directory, liveDirectory, httpPort, httpsPort, signal }: NginxSiteOptions,
  runtime: Runtime,
): Promise<DemoSite | undefined> {
  const { files, exec, clock } = runtime
  const version = await exec('nginx', ['-v'], { signal }).catch(() => undefined)
  if (version === undefined || version.exitCode !== 0) return undefined
  const webroot = `${directory}/webroot`
  const config = `${directory}/nginx.conf`
  for (const name of ['webroot', 'page', 'temp', 'sites'])
    await files.makeDirectory(`${directory}/${name}`, 0o755)
  await files.writeNew(`${directory}/page/index.html`, demoPage, publicMode)
  await files.writeNew(`${directory}/challenge.conf`, challengeSnippet({ webroot }), publicMode)
  await files.writeNew(config, mainConfig(directory), publicMode)
  await files.writeNew(`${directory}/sites/http.conf`, httpServer(directory, httpPort), publicMode)
  const args = ['-p', `${directory}/`, '-c', config, '-e', `${directory}/error.log`]
  const nginx = async (...more: readonly string[]) => {
    const { exitCode, stderr } = await exec('nginx', [...args, ...more])
    if (exitCode !== 0) throw new AppError('ERR_EXEC', `nginx ${more.join(' ')} failed: ${stderr.trim()}`)
  }
  await nginx()
  await files.writeNew(
    `${directory}/sites/https.conf`,
    httpsServer(directory, liveDirectory, httpsPort),
    publicMode,
  )
  return {
    name: version.stderr.trim().replace(/^nginx version: nginx\//, 'nginx '),
    httpPort,
    httpsPort,
    solver: { name: 'http-01-webroot', options: { webroot, httpPort, selfCheck: true } },
    deployer: await createDeployer({ name: 'nginx', options: { config, prefix: `${directory}/` } }, runtime),
    [Symbol.asyncDispose]: async () => {
      await nginx('-s', 'stop')
      const deadline = clock.monotonic() + startTimeoutMs
      while ((await files.facts(`${directory}/nginx.pid`)) !== undefined && clock.monotonic() < deadline)
        await clock.sleep(20)
    },
  }
}

function mainConfig(directory: string): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    kind => `  ${kind}_temp_path ${directory}/temp/${kind};`,
  )
  return `${process.getuid?.() === 0 ? 'user root;\n' : ''}worker_processes 1;
pid ${directory}/nginx.pid;
error_log ${directory}/error.log;
events {}
http {
  access_log off;
${temporary.join('\n')}
  include ${directory}/sites/*.conf;
}
`
}

function httpServer(directory: string, port: number): string {
  return `server {
  include ${directory}/challenge.conf;
  listen 127.0.0.1:${port};
  server_name ${demoNames.join(' ')};
  location / { return 301 https://$host$request_uri; }
}
`
}

function httpsServer(directory: string, liveDirectory: string, port: number): string {
  return `server {
  listen 127.0.0.1:${port} ssl;
  server_name ${demoNames.join(' ')};
  ssl_certificate ${liveDirectory}/fullchain.pem;
  ssl_certificate_key ${liveDirectory}/privkey.pem;
  root ${directory}/page;
}
`
}
