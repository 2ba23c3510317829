/** The servers whose settings can be written. */
import type { HardenedServer } from './server.ts'
import { apache } from './servers/apache.ts'
import { nginx } from './servers/nginx.ts'

export const hardenedServers: readonly HardenedServer[] = [nginx, apache]
