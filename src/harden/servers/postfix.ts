/** TLS settings of the Postfix SMTP server; what it sends to others is left alone. */
import type { HardenedServer } from '../server.ts'
import { when } from '../setting.ts'
import { atLeast } from '../version.ts'

/** `>=TLSv1.2`; before, protocols were excluded one by one. */
const takesLowest = '3.6'
/** Groups by their names, those for DHE included; before, by numbers that X25519MLKEM768 does not have. */
const takesNamedGroups = '3.8'
const all = ['SSLv2', 'SSLv3', 'TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3']

export const postfix: HardenedServer = {
  name: 'postfix',
  title: 'Postfix',
  file: '/etc/postfix/main.cf',
  added: true,
  apply: 'postfix check && postfix reload',
  oldest: { version: [3, 5, 0], library: { kind: 'openssl', version: [1, 1, 1] } },
  question: {
    programs: ['postconf'],
    args: ['-d', '-h', 'mail_version'],
    version: /(\d[\d.]*)/,
    linked: ['/usr/lib/postfix/sbin/smtpd', '/usr/libexec/postfix/smtpd', '/usr/lib/postfix/smtpd'],
  },
  dhe: true,
  comment: '#',
  blocks: ({ version, profile, tls, reasons, dhFile }) => {
    const protocols = atLeast(version, takesLowest)
      ? `>=${tls.lowest}`
      : all
          .slice(0, all.indexOf(tls.lowest))
          .map(name => `!${name}`)
          .join(', ')
    const groups = tls.groups.filter(
      group => group !== 'X25519MLKEM768' || atLeast(version, takesNamedGroups),
    )
    // A list of its own, so that the list for what is sent stays as it is.
    const grade = profile === 'old' ? 'medium' : 'high'
    return [
      {
        place:
          'at the end of main.cf, where it counts more than what stands above; master.cf may overrule it',
        settings: [
          {
            text: `smtpd_tls_protocols = ${protocols}`,
            why: reasons.protocols.why,
            cost: `A server that knows only older versions sends in plain text or not at all. ${reasons.protocols.cost ?? ''}`,
          },
          {
            text: `smtpd_tls_mandatory_protocols = ${protocols}`,
            why: 'The same where TLS is required: submission.',
          },
          ...when(
            tls.cipherList !== undefined,
            { text: `smtpd_tls_ciphers = ${grade}`, why: 'Which of the lists below counts.' },
            { text: `smtpd_tls_mandatory_ciphers = ${grade}`, why: 'The same where TLS is required.' },
            { text: `tls_${grade}_cipherlist = ${tls.cipherList}`, ...reasons.ciphers },
          ),
          { text: `tls_preempt_cipherlist = ${tls.serverOrder ? 'yes' : 'no'}`, ...reasons.order },
          {
            text: `tls_eecdh_auto_curves = ${groups.join(' ')}`,
            why: `${reasons.groups.why} The list counts for what is sent, too.`,
            cost: reasons.groups.cost,
          },
          ...when(atLeast(version, takesNamedGroups), {
            text: `tls_ffdhe_auto_groups =${dhFile === undefined ? '' : ' ffdhe2048 ffdhe3072'}`,
            why: 'Groups of TLS 1.3 over finite fields are slow, and everybody has an elliptic curve.',
          }),
          ...(dhFile === undefined
            ? []
            : [{ text: `smtpd_tls_dh1024_param_file = ${dhFile}`, ...reasons.dhe }]),
          {
            text: 'smtpd_tls_auth_only = yes',
            why: 'Passwords are taken over TLS alone.',
            cost: 'Mail programs that log in without TLS are refused.',
          },
        ],
      },
    ]
  },
}
