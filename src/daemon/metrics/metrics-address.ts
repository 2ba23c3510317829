/** The address on which metrics are served: it changes with the configuration. */
import type { ListenAddress, Listener, ListenerReply, ListenerRequest } from '../../runtime/network.ts'
import type { Runtime } from '../../runtime/runtime.ts'

export interface MetricsAddress extends AsyncDisposable {
  /**
   * Listens there and nowhere else; nothing to do where it does already.
   * @throws AppError ERR_LISTEN, and then listens nowhere
   */
  move(address: ListenAddress | undefined): Promise<void>
}

/** Listens nowhere yet. */
export function createMetricsAddress(
  answer: (request: ListenerRequest) => ListenerReply,
  { listenHttp }: Pick<Runtime, 'listenHttp'>,
): MetricsAddress {
  let open: { readonly at: string; readonly listener: Listener } | undefined
  const close = async () => {
    const closing = open?.listener
    open = undefined
    await closing?.[Symbol.asyncDispose]()
  }
  return {
    move: async address => {
      const at = JSON.stringify(address)
      if (open?.at === at) return
      await close()
      if (address !== undefined) open = { at, listener: await listenHttp([address], answer) }
    },
    [Symbol.asyncDispose]: close,
  }
}
