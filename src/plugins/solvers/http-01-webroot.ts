/** http-01 by a file in the directory of a web server that runs already. */
import { isAppError, systemCodeOf } from '../../base/errors.ts'
import { v } from '../../base/schema.ts'
import type { Provision, Solver } from '../../contracts/solver.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { RootedPath } from '../../runtime/webroot-files.ts'
import { challengeDirectories, publicHttpPort, readProvision, refusalByHttp, tokenSchema } from './http-01.ts'
import { selfCheckHttp01 } from './http-01-self-check.ts'

const absolutePath = v.pipe(v.string(), v.startsWith('/', 'must be an absolute path'))
const port = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65_535))

/** Options of {@link createWebrootSolver}. */
export const webrootSolverOptions = v.strictObject({
  /** The directory that the web server serves as `/` (or at least as `/.well-known/acme-challenge/` of it). */
  webroot: absolutePath,
  /** Other directories for some identifiers, by their value. */
  webroots: v.optional(v.record(v.string(), absolutePath)),
  /** Whether to look at the response before the CA does. */
  selfCheck: v.optional(v.boolean(), true),
  /** Where the CA will look; another port than 80 only with a private CA. */
  httpPort: v.optional(port, publicHttpPort),
})
export type WebrootSolverOptions = v.InferInput<typeof webrootSolverOptions>

const provisionSchema = v.object({
  webroot: absolutePath,
  token: tokenSchema,
  content: v.string(),
  /** Directories that are created for the file, as counts of components below the webroot. */
  directories: v.array(v.pipe(v.number(), v.integer(), v.minValue(1))),
})

/** A solver that writes challenge files. */
export function createWebrootSolver(
  { webroot, webroots = {}, selfCheck = true, httpPort = publicHttpPort }: WebrootSolverOptions,
  runtime: Pick<Runtime, 'webrootFiles' | 'http' | 'resolver'>,
): Solver {
  const { webrootFiles } = runtime
  const webrootOf = new Map(Object.entries(webroots))
  const webrootFor = (value: string): string => webrootOf.get(value) ?? webroot
  return {
    name: 'http-01-webroot',
    type: 'http-01',
    refusal: refusalByHttp,
    provision: async ({ identifier, token, keyAuthorization }) => {
      const webroot = webrootFor(identifier.value)
      const directories = await webrootFiles.missingDirectories(fileOf({ webroot, token }))
      return { webroot, token, content: keyAuthorization, directories }
    },
    present: async provision => {
      const { content, ...place } = readProvision(provisionSchema, provision)
      // An earlier process may have been interrupted just after it had written the same file.
      await webrootFiles.remove(fileOf(place), content, [])
      await webrootFiles.create(fileOf(place), content)
    },
    ...(selfCheck && {
      selfCheck: (challenge, { signal }) =>
        selfCheckHttp01(
          challenge,
          { port: httpPort, webroot: webrootFor(challenge.identifier.value), signal },
          runtime,
        ),
    }),
    cleanUp: provision => cleanUp(provision, runtime),
  }
}

async function cleanUp(provision: Provision, { webrootFiles }: Pick<Runtime, 'webrootFiles'>): Promise<void> {
  const { content, directories, ...place } = readProvision(provisionSchema, provision)
  try {
    await webrootFiles.remove(fileOf(place), content, directories)
  } catch (error) {
    // A webroot that is gone has taken the file with it.
    if (!isAppError(error, 'ERR_WEBROOT') || systemCodeOf(error.cause) !== 'ENOENT') throw error
  }
}

function fileOf({ webroot, token }: { readonly webroot: string; readonly token: string }): RootedPath {
  return { root: webroot, components: [...challengeDirectories, token] }
}
