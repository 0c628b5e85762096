/** The panel of a queue: its messages and its dead letters, as far as the driver can show and move them. */
import { ask } from './api.ts'
import { button, type Child, fill, h, notify, size, table, time, View } from './dom.ts'

type Operations = Readonly<Record<'depth' | 'peek' | 'replay' | 'purge', true | string>>

interface Queue {
  name: string
  driver: string
  depth?: { ready: number; delayed: number; leased: number }
  deadLetterQueue?: string
  lacking?: string
  error?: string
  /** What the driver can do; null for a driver that is none of unmoor's, which is asked. */
  operations: Operations | null
}

interface Message {
  id: string
  state: 'ready' | 'delayed' | 'leased'
  attempts?: number
  timestamp: number
  size: number
  cut: boolean
  text?: string
  base64?: string
}

const STATES = { ready: 'ready', delayed: 'delayed', leased: 'in flight' }

export class QueuePanel extends View {
  #binding: string

  constructor(binding: string) {
    super()
    this.#binding = binding
  }

  async show(): Promise<void> {
    const queues = await ask<Queue[]>('queue.list')
    const queue = queues.find(({ name }) => name === this.#binding)
    if (queue === undefined) return
    const dead = queues.find(({ name }) => name === queue.deadLetterQueue)
    const sources = queues.filter(({ deadLetterQueue }) => deadLetterQueue === queue.name)
    const isShared = queues.filter(({ deadLetterQueue }) => deadLetterQueue === dead?.name).length > 1
    const again = (): Promise<void> => this.show()
    fill(
      this,
      h('div', { class: 'row' }, button('Look again', again), counts(queue)),
      sources.length > 0 &&
        h('p', {}, `This is the dead-letter queue of ${sources.map(({ name }) => name).join(' and ')}.`),
      ...(await section('Messages', queue, again)),
      dead === undefined && h('p', { class: 'quiet' }, 'This queue has no dead-letter queue.'),
      ...(dead === undefined
        ? []
        : await section(`Dead letters in ${dead.name}`, dead, again, { to: queue.name, isShared })),
    )
  }
}

function counts({ depth, lacking, error }: Queue): HTMLElement {
  if (depth === undefined)
    return h('span', { class: 'bad' }, error ?? lacking ?? 'Its messages are not counted.')
  return h('span', {}, `${depth.ready} ready, ${depth.delayed} delayed, ${depth.leased} in flight`)
}

/** Messages of a queue; with `back`, they can be replayed to the queue that they died in. */
async function section(
  title: string,
  queue: Queue,
  again: () => Promise<void>,
  back?: { to: string; isShared: boolean },
): Promise<Child[]> {
  const { name, operations } = queue
  const lacks = (operation: keyof Operations): string | undefined => {
    const known = operations?.[operation]
    return typeof known === 'string'
      ? `The driver "${queue.driver}" cannot ${WORDS[operation]}. ${known}`
      : undefined
  }
  const missing = (['peek', ...(back === undefined ? [] : (['replay'] as const)), 'purge'] as const).map(
    lacks,
  )
  const messages = lacks('peek') === undefined ? await ask<Message[]>('queue.peek', { queue: name }) : []
  const replay = async (ids?: string[]): Promise<void> => {
    const { moved } = await ask<{ moved: string[] }>('queue.replay', {
      queue: back?.to,
      limit:
        ids?.length ?? Math.max(1, Math.min(100, (queue.depth?.ready ?? 100) + (queue.depth?.delayed ?? 0))),
      ids,
    })
    await again()
    const none = ids === undefined ? 'There was nothing to replay.' : 'A consumer holds it, or it is gone.'
    notify(
      moved.length === 0 ? none : `${letters(moved.length)} replayed to ${back?.to}.`,
      moved.length === 0 ? 'bad' : 'good',
    )
  }
  const canReplay = back !== undefined && lacks('replay') === undefined
  const drop = async (): Promise<void> => {
    if (!confirm(`Remove all messages of ${name} that no consumer holds, for good?`)) return
    await ask('queue.purge', { queue: name })
    await again()
    notify(`${name}: dropped.`, 'good')
  }
  return [
    h('h3', {}, title, ' '),
    back !== undefined && counts(queue),
    ...missing.map((text) => text !== undefined && h('p', { class: 'quiet' }, text)),
    lacks('peek') === undefined &&
      (messages.length === 0
        ? h('p', {}, 'No messages.')
        : table(
            title,
            ['Id', 'State', 'Attempts', 'Sent', 'Body', ...(canReplay ? [''] : [])],
            messages.map((message) => [
              ...cells(message),
              ...(canReplay
                ? [button('Replay', () => replay([message.id]), { 'aria-label': `Replay ${message.id}` })]
                : []),
            ]),
          )),
    h(
      'div',
      { class: 'row' },
      canReplay && !back.isShared && button('Replay all', () => replay()),
      canReplay && back.isShared && h('span', { class: 'quiet' }, SHARED),
      lacks('purge') === undefined &&
        button(back === undefined ? 'Drop all messages' : 'Drop all dead letters', drop),
    ),
  ]
}

const SHARED =
  'Several queues share these dead letters, and a message does not tell which of them it came from: replay ' +
  'those of this queue one by one.'

const WORDS: Readonly<Record<keyof Operations, string>> = {
  depth: 'count messages',
  peek: 'show messages without receiving them',
  replay: 'move dead letters back',
  purge: 'remove all messages',
}

function cells({ id, state, attempts, timestamp, size: bytes, cut, text, base64 }: Message): Child[] {
  return [
    id,
    STATES[state],
    attempts ?? 'unknown',
    time(timestamp),
    `${text ?? base64 ?? ''}${cut ? ` ... (${size(bytes)})` : ''}${text === undefined ? ' (base64)' : ''}`,
  ]
}

function letters(count: number): string {
  return `${count} dead ${count === 1 ? 'letter' : 'letters'}`
}
