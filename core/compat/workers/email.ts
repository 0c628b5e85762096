/** Stand-in for `cloudflare:email`. Nothing routes mail to the Worker, so there is no mail to reply to. */
import { BUILT } from '../../runtime/built.ts'
import { state } from './state.ts'

if (!BUILT)
  state.warnings.push(
    'the Worker imports cloudflare:email. No target receives or sends mail: the code stays, and is never ' +
      'called. Let a mail provider post it to a route of fetch().',
  )

/** `EmailMessage` of `cloudflare:email`, which holds the message's parts; it cannot be sent. */
export class EmailMessage {
  readonly from: string
  readonly to: string
  readonly raw: ReadableStream | string

  constructor(from: string, to: string, raw: ReadableStream | string) {
    this.from = from
    this.to = to
    this.raw = raw
  }
}
