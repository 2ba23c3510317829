/** Certificates for `localhost`, good and bad, in files. */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { dayMs, instant, plusMs } from '../../src/base/instant.ts'
import { testAuthority } from '../../src/testing/test-authority.ts'
import { requireProgram, runProgram } from './programs.ts'

/** What is wrong with a certificate, or what kind of key it has. */
export const certificateNames = [
  'rsa',
  'ecdsa',
  'p384',
  'expired',
  'other-name',
  'self-signed',
  'unknown-root',
  'rsa-1024',
  'sha1',
  'incomplete',
  'lost',
  'with-root',
  'wrong-order',
] as const
export type CertificateName = (typeof certificateNames)[number]

/** Paths of PEM files. */
export type CertificateFiles = {
  readonly chain: string
  /** The chain without the leaf. */
  readonly issuers: string
  readonly key: string
  /** Both in one, as HAProxy has it. */
  readonly combined: string
}

/** All of them, in one directory. */
export type TlsCertificates = {
  readonly files: Readonly<Record<CertificateName, CertificateFiles>>
  /** PEM of the roots to trust. */
  readonly trust: string
  /** DER of the intermediate that `incomplete` lacks, to be served where its certificate says. */
  readonly issuer: string
}

/**
 * Makes the certificates.
 * @param issuerUrl - where `incomplete` says that its issuer's certificate is
 */
export async function tlsCertificates(directory: string, issuerUrl: string): Promise<TlsCertificates> {
  await mkdir(directory, { recursive: true })
  const now = instant(Date.now())
  const authority = await testAuthority(now)
  const stranger = await testAuthority(now, 'Stranger')
  const localhost = [
    { type: 'dns', value: 'localhost' },
    { type: 'ip', value: '127.0.0.1' },
  ] as const
  const path = (name: string) => join(directory, name)
  const files = Object.fromEntries(
    certificateNames.map(name => [
      name,
      {
        chain: path(`${name}.pem`),
        issuers: path(`${name}.up`),
        key: path(`${name}.key`),
        combined: path(`${name}.all`),
      },
    ]),
  ) as Record<CertificateName, CertificateFiles> // each name once
  const save = async (
    name: CertificateName,
    { key, cert }: { readonly key: string; readonly cert: string },
  ) => {
    await writeFile(files[name].key, key)
    await writeFile(files[name].chain, cert)
    await writeFile(files[name].issuers, cert.slice(cert.indexOf(endOfLeaf) + endOfLeaf.length))
    await writeFile(files[name].combined, cert + key)
  }

  const issued = await authority.issue(localhost, { keyType: 'rsa-2048' })
  const [leaf = '', intermediate = ''] = issued.cert.split(/(?<=-----END CERTIFICATE-----\n)/)
  await save('rsa', issued)
  await save('ecdsa', await authority.issue(localhost))
  await save('p384', await authority.issue(localhost, { keyType: 'ecdsa-p384' }))
  await save(
    'expired',
    await authority.issue(localhost, {
      notBefore: plusMs(now, -5 * dayMs),
      notAfter: plusMs(now, -2 * dayMs),
    }),
  )
  await save('other-name', await authority.issue([{ type: 'dns', value: 'other.example' }]))
  await save('unknown-root', await stranger.issue(localhost))
  await save('lost', { key: issued.key, cert: leaf })
  await save('with-root', { key: issued.key, cert: issued.cert + authority.rootPem })
  await save('wrong-order', { key: issued.key, cert: leaf + authority.rootPem + intermediate })

  const special = await specialCertificates(path, issuerUrl)
  for (const name of ['self-signed', 'rsa-1024', 'sha1', 'incomplete'] as const)
    await save(name, special[name])
  await writeFile(path('trust.pem'), authority.rootPem + special.root)
  return { files, trust: path('trust.pem'), issuer: path('issuer.der') }
}

const endOfLeaf = '-----END CERTIFICATE-----\n'

/** What our own code does not make: OpenSSL does. */
async function specialCertificates(path: (name: string) => string, issuerUrl: string) {
  const openssl = async (...args: readonly string[]) => {
    const { exitCode, stderr } = await runProgram(requireProgram('openssl'), args)
    if (exitCode !== 0) throw new Error(`openssl ${args.join(' ')}: ${stderr}`)
  }
  const names = 'subjectAltName=DNS:localhost,IP:127.0.0.1'
  const selfSigned = ['req', '-x509', '-nodes', '-days', '30', '-newkey']
  const ec = ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256']
  const issue = async (name: string, key: readonly string[], issuer: string, options: readonly string[]) => {
    await writeFile(path(`${name}.ext`), options.filter(option => option.includes('=')).join('\n'))
    const request = [
      '-nodes',
      '-subj',
      `/CN=${name}`,
      '-keyout',
      path(`x-${name}.key`),
      '-out',
      path(`${name}.csr`),
    ]
    await openssl('req', '-newkey', ...key, ...request)
    const ca = ['-CA', path(`x-${issuer}.pem`), '-CAkey', path(`x-${issuer}.key`), '-CAcreateserial']
    const flags = options.filter(option => !option.includes('='))
    const result = ['-extfile', path(`${name}.ext`), '-days', '30', '-out', path(`x-${name}.pem`)]
    await openssl('x509', '-req', '-in', path(`${name}.csr`), ...ca, ...flags, ...result)
  }
  const read = async (name: string) => ({
    key: await readFile(path(`x-${name}.key`), 'utf8'),
    cert: await readFile(path(`x-${name}.pem`), 'utf8'),
  })
  const out = (name: string) => ['-keyout', path(`x-${name}.key`), '-out', path(`x-${name}.pem`)]
  await openssl(...selfSigned, ...ec, '-subj', '/CN=Special Root', ...out('root'))
  await openssl(...selfSigned, 'rsa:2048', '-subj', '/CN=localhost', '-addext', names, ...out('self-signed'))
  await issue('middle', ec, 'root', ['basicConstraints=critical,CA:TRUE', 'keyUsage=keyCertSign'])
  await issue('rsa-1024', ['rsa:1024'], 'root', [names])
  await issue('sha1', ['rsa:2048'], 'root', ['-sha1', names])
  await issue('incomplete', ec, 'middle', [names, `authorityInfoAccess=caIssuers;URI:${issuerUrl}`])
  await openssl('x509', '-in', path('x-middle.pem'), '-outform', 'DER', '-out', path('issuer.der'))
  return {
    root: (await read('root')).cert,
    'self-signed': await read('self-signed'),
    'rsa-1024': await read('rsa-1024'),
    sha1: await read('sha1'),
    incomplete: await read('incomplete'),
  }
}
