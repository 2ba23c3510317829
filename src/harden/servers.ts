/** The servers whose settings can be written. */
import type { HardenedServer } from './server.ts'
import { apache } from './servers/apache.ts'
import { coturn } from './servers/coturn.ts'
import { dovecot } from './servers/dovecot.ts'
import { exim } from './servers/exim.ts'
import { proftpd, vsftpd } from './servers/ftp.ts'
import { caddy, traefik } from './servers/go.ts'
import { haproxy } from './servers/haproxy.ts'
import { lighttpd } from './servers/lighttpd.ts'
import { mariadb, mysql } from './servers/mariadb.ts'
import { mosquitto } from './servers/mosquitto.ts'
import { nghttpx } from './servers/nghttpx.ts'
import { nginx } from './servers/nginx.ts'
import { postfix } from './servers/postfix.ts'
import { postgresql } from './servers/postgresql.ts'
import { prosody } from './servers/prosody.ts'
import { rabbitmq } from './servers/rabbitmq.ts'
import { redis } from './servers/redis.ts'
import { slapd } from './servers/slapd.ts'
import { squid } from './servers/squid.ts'
import { stunnel } from './servers/stunnel.ts'

/** In the order of the documentation: web servers, mail, databases, the others. */
export const hardenedServers: readonly HardenedServer[] = [
  ...[nginx, apache, haproxy, lighttpd, nghttpx, caddy, traefik, squid],
  ...[postfix, dovecot, exim],
  ...[postgresql, mariadb, mysql, redis, slapd],
  ...[mosquitto, rabbitmq, prosody, coturn, proftpd, vsftpd, stunnel],
]
