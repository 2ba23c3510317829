/** HTTP between processes of one user, over a socket in the file system. */
import type { ListenerReply, ListenerRequest } from './network.ts'

export interface LocalHttp {
  /**
   * Answers at `path`, which nobody but its owner (and root) can open. A socket that a dead process left there is replaced,
   * so the caller must know that no living one has it.
   * @throws AppError ERR_LISTEN
   */
  listen(path: string, answer: (request: ListenerRequest) => ListenerReply): Promise<AsyncDisposable>
  /**
   * Asks whoever listens at `path`, and gives them two seconds.
   * @returns `undefined` where nobody listens
   * @throws AppError ERR_NETWORK, ERR_TIMEOUT
   */
  ask(path: string, request: LocalRequest): Promise<LocalReply | undefined>
}

export type LocalRequest = { readonly method: 'GET' | 'POST'; readonly path: string }
export type LocalReply = { readonly status: number; readonly body: string }
