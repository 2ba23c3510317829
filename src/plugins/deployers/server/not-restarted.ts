/** Servers whose configuration has TLS, but which were started before it had. */
import { AppError } from '../../../base/errors.ts'

/** Why a server does not show the certificate yet; its files are written for the restart. */
export function notRestarted(title: string, service: string): AppError {
  return new AppError('ERR_DEPLOY', `${title} was started before its configuration had TLS`, {
    hint: `the files are in place; restart it once, for example: systemctl restart ${service}`,
  })
}
