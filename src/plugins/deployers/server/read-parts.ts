/** The parts of a generation, read to be written elsewhere. */
import { AppError, messageOf } from '../../../base/errors.ts'
import type { Runtime } from '../../../runtime/runtime.ts'
import type { CertificateParts } from '../formats/format.ts'

/**
 * Reads certificate, chain and key of a generation; the key is empty where it is elsewhere.
 * @throws AppError ERR_DEPLOY
 */
export async function readParts(
  directory: string,
  { keyIsElsewhere = false }: { readonly keyIsElsewhere?: boolean },
  runtime: Pick<Runtime, 'files'>,
): Promise<CertificateParts> {
  return {
    cert: await readPart(`${directory}/cert.pem`, runtime),
    chain: await readPart(`${directory}/chain.pem`, runtime),
    key: keyIsElsewhere ? '' : await readPart(`${directory}/privkey.pem`, runtime),
  }
}

async function readPart(path: string, { files }: Pick<Runtime, 'files'>): Promise<string> {
  const refuse = (what: string, cause?: unknown) =>
    new AppError('ERR_DEPLOY', `cannot read ${path}: ${what}`, { cause })
  const content = await files.read(path).catch(error => {
    throw refuse(messageOf(error), error)
  })
  if (content === undefined) throw refuse('it is not there')
  return new TextDecoder().decode(content)
}
