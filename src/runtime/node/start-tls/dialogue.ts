/** What client and server say to each other before TLS begins, apart from the socket it is said on. */

/** What a step makes of everything that was received since it began. */
export type Heard =
  | { readonly kind: 'incomplete' }
  /** The reply that was waited for; anything behind its `length` bytes was said out of turn. */
  | { readonly kind: 'complete'; readonly length: number }
  | { readonly kind: 'refused'; readonly refusal: Refusal; readonly said: string }

/** Why a dialogue does not lead to TLS. */
export type Refusal = 'other-protocol' | 'not-ready' | 'not-offered' | 'refused'

/** One turn of each side. */
export type Step = {
  /** What the client says first; nothing where the server begins. */
  readonly send?: string | Uint8Array
  /** What is waited for, to follow "did not": `greet`. */
  readonly awaited: string
  readonly hear: (received: Buffer) => Heard
}

/** What a dialogue has to know. */
export type DialogueFacts = {
  /** The name that the server is asked for. */
  readonly serverName: string
  /** The client's own address, for those who want to be introduced. */
  readonly localAddress: string
}

/** A dialogue; TLS begins when its last step is complete. */
export type Dialogue = {
  /** The protocol, as people call it: `SMTP`. */
  readonly label: string
  readonly steps: (facts: DialogueFacts) => readonly Step[]
  /** Sent after the last step, where TLS begins without another reply. */
  readonly last?: Uint8Array
}

export const incomplete: Heard = { kind: 'incomplete' }

/** A reply of `length` bytes that lets the dialogue go on. */
export function complete(length: number): Heard {
  return { kind: 'complete', length }
}

/** A reply that ends the dialogue. */
export function refused(refusal: Refusal, said: string | Uint8Array): Heard {
  return { kind: 'refused', refusal, said: typeof said === 'string' ? said : Buffer.from(said).toString() }
}
