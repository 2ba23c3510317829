/** How requests name the program that makes them (RFC 8555 §6.1). */
import { AppError } from '../base/errors.ts'

/** Name and version of this package, as in `package.json`; a test compares them. */
export const clientProduct = 'certwright/0.1.0'

// RFC 9110 §10.1.5: products and comments, here in printable ASCII.
const userAgentPattern = /^[!-~](?:[ -~]{0,198}[!-~])?$/

/**
 * The User-Agent field: the program, then the platform.
 * @param product - `name/version` of the program that uses the client
 * @throws AppError ERR_FORMAT
 */
export function userAgentField(product: string = clientProduct): string {
  if (!userAgentPattern.test(product)) {
    throw new AppError('ERR_FORMAT', 'the user agent is not 1 to 200 printable ASCII characters')
  }
  return `${product} node/${process.versions.node}`
}
