/** Account key rollover (RFC 8555 §7.3.5). */
import { v } from '../../base/schema.ts'
import { thumbprint } from '../../jose/thumbprint.ts'
import { samePublicKey } from '../../x509/key.ts'
import type { Parts } from '../parts.ts'
import { amend } from '../records.ts'
import { problem, type Reply, refusal } from '../reply.ts'
import { type AccountRequest, checkSignature, keyOf, parseSignedBody, readPayload } from '../request.ts'
import { accountReply } from './accounts.ts'

const keyChangeSchema = v.object({ account: v.string(), oldKey: v.record(v.string(), v.unknown()) })

/** Gives an account another key. The steps are those of §7.3.5; the request itself has passed step 1. */
export function keyChange(
  request: AccountRequest,
  { urls, records }: Pick<Parts, 'urls' | 'records'>,
): Reply {
  const { account } = request
  const inner = parseSignedBody(request.payload)
  const { header } = inner
  if (header.jwk === undefined) throw refusal('malformed', 'the inner header must have jwk, the new key')
  const newKey = keyOf(header.jwk)
  checkSignature(inner, newKey)
  const change = readPayload({ ...request, payload: inner.payload }, keyChangeSchema)
  if (header.url !== request.url) throw refusal('malformed', 'inner and outer url differ')
  if (header.nonce !== undefined) throw refusal('malformed', 'the inner header must not have a nonce')
  if (change.account !== urls.account(account.id))
    throw refusal('malformed', 'the inner account is not the one that signed')
  if (!samePublicKey(keyOf(change.oldKey), account.key))
    throw refusal('malformed', 'oldKey is not the key of the account')

  const print = thumbprint(newKey)
  const holder = records.accountIds.get(print)
  if (holder !== undefined)
    return {
      problem: problem('conflict', 'an account has the new key already'),
      headers: { Location: urls.account(holder) },
    }
  records.accountIds.delete(account.thumbprint)
  records.accountIds.set(print, account.id)
  return accountReply(amend(records.accounts, account, { key: newKey, thumbprint: print }), urls)
}
