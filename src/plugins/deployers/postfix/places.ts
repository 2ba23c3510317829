/** Where Postfix reads certificates, and at which addresses it serves them. Pure. */
import type { CertificatePlace } from '../server/place.ts'
import { type FilePair, pairsIn, type TextOf } from './chain-files.ts'
import { tlsEndpoints } from './listeners.ts'
import type { Parameters, Service } from './postconf.ts'
import { namesOf, parseSniMaps, parseSniSource } from './sni-table.ts'

/** The older parameters: one kind of key each. */
const fileParameters = ['smtpd_tls_cert_file', 'smtpd_tls_eccert_file', 'smtpd_tls_dcert_file'] as const

type Found = FilePair & Pick<CertificatePlace, 'source' | 'names'>

/** The certificates of all services that offer TLS: those for everybody, and those for the names of the tables. */
export function postfixPlaces(services: readonly Service[], textOf: TextOf): readonly CertificatePlace[] {
  const places = services.flatMap(service => {
    const endpoints = tlsEndpoints(service)
    if (endpoints.length === 0) return []
    const { parameters } = service
    const found = [...pairsOf(parameters, textOf), ...tablePairs(parameters, textOf)]
    return found.map(one => ({ ...one, endpoints }))
  })
  const groups = Map.groupBy(places, place => JSON.stringify({ ...place, endpoints: [] }))
  return [...groups.values()].flatMap(([first, ...others]) =>
    first === undefined
      ? []
      : [{ ...first, endpoints: [first, ...others].flatMap(({ endpoints }) => endpoints) }],
  )
}

/** Every file that must be looked into to tell keys from certificates. */
export function listedFiles(services: readonly Service[], textOf: TextOf): readonly string[] {
  const lists = services.flatMap(({ parameters }) => [
    chainFiles(parameters),
    ...tableEntries(parameters, textOf).map(({ files }) => files),
  ])
  return [...new Set(lists.flat())]
}

function pairsOf(parameters: Parameters, textOf: TextOf): readonly Found[] {
  const chains = chainFiles(parameters)
  if (chains.length > 0)
    return pairsIn(chains, textOf).map(pair => ({ ...pair, source: 'smtpd_tls_chain_files' }))
  return fileParameters.flatMap(source => {
    const certificateFile = parameters.get(source) ?? ''
    const keyFile = parameters.get(source.replace('cert', 'key')) ?? ''
    const isFile = certificateFile.startsWith('/')
    return isFile ? [{ certificateFile, keyFile: keyFile || certificateFile, source }] : []
  })
}

function tablePairs(parameters: Parameters, textOf: TextOf): readonly Found[] {
  return tableEntries(parameters, textOf).flatMap(({ files, names, source }) =>
    pairsIn(files, textOf).map(pair => ({ ...pair, names, source })),
  )
}

function tableEntries(parameters: Parameters, textOf: TextOf) {
  return parseSniMaps(parameters.get('tls_server_sni_maps') ?? '').flatMap(({ sourceFile }) =>
    parseSniSource(textOf(sourceFile) ?? '').map(entry => ({
      files: entry.files,
      names: namesOf(entry),
      source: sourceFile,
    })),
  )
}

function chainFiles(parameters: Parameters): readonly string[] {
  return (parameters.get('smtpd_tls_chain_files') ?? '').split(/[\s,]+/).filter(path => path.startsWith('/'))
}
