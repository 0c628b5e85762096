/** Seeded sequences of WebSocket frames that break RFC 6455, and a crowd of clients that sends them. */
import { openRawSocket, type RawSocket } from '../../core/tools/conformance/raw-socket.ts'
import { connectSocket, SocketClient } from '../../core/tools/conformance/socket-client.ts'

/** An app that echoes the texts of its sockets at `/chat`. */
export const ECHO_APP = `
import { defineApp, defineBindings, sockets } from 'unmoor'
export default defineApp({
  bindings: defineBindings({ chat: sockets({ path: '/chat' }) }),
  fetch: (request, env) => env.chat.accept(request),
  sockets: { chat: { message: (socket, message) => socket.send(message) } },
})
`

/** A Worker that echoes the texts of its sockets. */
export const ECHO_WORKER = `
export default {
  fetch() {
    const { 0: client, 1: server } = new WebSocketPair()
    server.accept()
    server.addEventListener('message', ({ data }) => server.send(data))
    return new Response(null, { status: 101, webSocket: client })
  },
}
`

/** One sequence: some frames that are valid, one fault, and perhaps bytes after the fault. */
export interface MalformedSequence {
  readonly fault: Fault
  readonly bytes: Buffer
  /** Offset at which the bytes are split into two writes. */
  readonly splitAt: number
  /** Texts of the valid messages before the fault, which the app may echo. */
  readonly texts: readonly string[]
  /** Close code that the server has to send; undefined if the client ends the connection in a frame. */
  readonly code: 1002 | 1007 | 1009 | undefined
}

type Fault = keyof typeof FAULTS

/** Returns whole numbers from 0 to below `count` that are the same for the same seed (mulberry32). */
type Below = (count: number) => number

function seeded(seed: number): Below {
  let state = seed
  return (count) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296) * count)
  }
}

interface FrameParts {
  opcode?: number
  payload?: Buffer
  fin?: boolean
  masked?: boolean
  reserved?: number
  /** Length that the frame's head declares. Default: that of the payload. */
  declared?: bigint
  /** Bytes of the length field. Default: the fewest that hold the length. */
  field?: 1 | 2 | 8
}

/** Numbers of one sequence, its frames, and the size of the largest message that the server takes. */
class Maker {
  readonly below: Below
  readonly maxMessage: number

  constructor(seed: number, maxMessage: number) {
    this.below = seeded(seed)
    this.maxMessage = maxMessage
  }

  pick<T>(values: readonly T[]): T {
    return values[this.below(values.length)] as T
  }

  between(least: number, most: number): number {
    return least + this.below(most - least + 1)
  }

  bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.below(256)))
  }

  text(length = this.below(140)): string {
    return Array.from({ length }, () => this.pick(['a', 'é', '€', '\u{1F600}', '\u0000'])).join('')
  }

  frame(parts: FrameParts = {}): Buffer {
    const { opcode = 1, payload = Buffer.alloc(0), fin = true, masked = true, reserved = 0 } = parts
    const length = parts.declared ?? BigInt(payload.length)
    const field = parts.field ?? (length < 126n ? 1 : length < 65_536n ? 2 : 8)
    const head = Buffer.alloc(field === 1 ? 2 : 2 + field)
    head[0] = (fin ? 0x80 : 0) | (reserved << 4) | opcode
    head[1] = (masked ? 0x80 : 0) | (field === 1 ? Number(length) : field === 2 ? 126 : 127)
    if (field === 2) head.writeUInt16BE(Number(length), 2)
    if (field === 8) head.writeBigUInt64BE(length, 2)
    if (!masked) return Buffer.concat([head, payload])
    const key = this.bytes(4)
    return Buffer.concat([head, key, payload.map((byte, index) => byte ^ (key[index % 4] as number))])
  }

  /** A close frame with a code, and a reason that may be invalid. */
  close(code: number, reason: Buffer = Buffer.alloc(0)): Buffer {
    const payload = Buffer.concat([Buffer.from([code >> 8, code & 255]), reason])
    return this.frame({ opcode: 8, payload })
  }

  badText(): Buffer {
    const bad = this.pick([
      [0x80],
      [0xc3, 0x28],
      [0xc0, 0xaf],
      [0xe2, 0x82],
      [0xed, 0xa0, 0x80],
      [0xf4, 0x90, 0x80, 0x80],
      [0xf0, 0x9f, 0x98],
      [0xfe],
      [0xff],
    ])
    return Buffer.concat([Buffer.from(this.text(this.below(20))), Buffer.from(bad)])
  }
}

interface Broken {
  readonly bytes: Buffer
  readonly code: 1002 | 1007 | 1009 | undefined
}

const refused = (...frames: Buffer[]): Broken => ({ bytes: Buffer.concat(frames), code: 1002 })

/** One fault each, by the section of RFC 6455 that forbids it. */
const FAULTS = {
  /** 5.2: no extension was negotiated. */
  reservedBits: (make: Maker) =>
    refused(
      make.frame({
        reserved: make.between(1, 7),
        opcode: make.pick([1, 2, 8, 9, 10]),
        payload: Buffer.from('x'.repeat(make.pick([0, 2, 125]))),
      }),
    ),
  /** 5.2: opcodes of later versions. */
  reservedOpcode: (make: Maker) =>
    refused(
      make.frame({
        opcode: make.pick([3, 4, 5, 6, 7, 11, 12, 13, 14, 15]),
        payload: make.bytes(make.below(200)),
        fin: make.below(2) === 0,
      }),
    ),
  /** 5.1: a client masks. */
  unmasked: (make: Maker) =>
    refused(
      make.frame({ masked: false, opcode: make.pick([1, 2, 8, 9, 10]), payload: Buffer.from([3, 232]) }),
    ),
  /** 5.5: control frames are whole. */
  fragmentedControl: (make: Maker) =>
    refused(make.frame({ fin: false, opcode: make.pick([8, 9, 10]), payload: Buffer.from([3, 232]) })),
  /** 5.5: control frames have at most 125 bytes, whatever field their length is written in. */
  longControl: (make: Maker) => {
    const opcode = make.pick([8, 9, 10])
    const length = make.pick([126, 127, 1000, 65_536])
    return refused(
      make.frame({ opcode, payload: Buffer.concat([Buffer.from([3, 232]), make.bytes(length)]) }),
    )
  },
  /** 5.4: a continuation continues something. */
  continuationWithoutStart: (make: Maker) =>
    refused(make.frame({ opcode: 0, payload: make.bytes(make.below(200)), fin: make.below(2) === 0 })),
  /** 5.4: a message does not begin within another. */
  interleavedStart: (make: Maker) =>
    refused(
      make.frame({ opcode: make.pick([1, 2]), payload: Buffer.from(make.text()), fin: false }),
      make.pick([Buffer.alloc(0), make.frame({ opcode: 9 }), make.frame({ opcode: 0, fin: false })]),
      make.frame({ opcode: make.pick([1, 2]), fin: make.below(2) === 0 }),
    ),
  /** 8.1: text is UTF-8, in one frame or in fragments. */
  badText: (make: Maker): Broken => {
    const payload = make.badText()
    if (make.below(2) === 0) return { bytes: make.frame({ payload }), code: 1007 }
    const at = make.below(payload.length + 1)
    const parts = [
      make.frame({ payload: payload.subarray(0, at), fin: false }),
      make.frame({ opcode: 0, payload: payload.subarray(at) }),
    ]
    return { bytes: Buffer.concat(parts), code: 1007 }
  },
  /** 5.5.1: the reason of a close is UTF-8. */
  badReason: (make: Maker): Broken => ({ bytes: make.close(1000, make.badText()), code: 1007 }),
  /** 5.5.1: a close has no body, or two bytes and more. */
  closeOfOneByte: (make: Maker) => refused(make.frame({ opcode: 8, payload: make.bytes(1) })),
  /** 7.4: codes that an endpoint must not send, or that nobody has defined. */
  badCloseCode: (make: Maker) =>
    refused(
      make.close(
        make.pick([
          0,
          999,
          1004,
          1005,
          1006,
          1015,
          1016,
          1999,
          2000,
          2999,
          5000,
          65_535,
          make.between(1016, 2999),
          make.between(5000, 65_535),
        ]),
        Buffer.from(make.text(make.below(20))),
      ),
    ),
  /** 7.4.1: a message that is too big; a head is enough to know. */
  tooLarge: (make: Maker): Broken => {
    const most = BigInt(make.maxMessage)
    const declared = make.pick([most + 1n, most * 2n, 2n ** 32n, 2n ** 53n, 2n ** 63n - 1n, 2n ** 64n - 1n])
    const field = declared > 65_535n ? 8 : make.pick([2, 8] as const)
    const opcode = make.pick([1, 2])
    const payload = make.bytes(make.below(100))
    return { bytes: make.frame({ opcode, declared, field, payload }), code: 1009 }
  },
  /** 7.4.1: fragments count together. */
  tooLargeTogether: (make: Maker): Broken => {
    const first = make.frame({ payload: Buffer.alloc(make.between(1, 2000), 'x'), fin: false })
    const second = make.frame({ opcode: 0, declared: BigInt(make.maxMessage), fin: make.below(2) === 0 })
    return { bytes: Buffer.concat([first, second]), code: 1009 }
  },
  /** 7.1.7: a client that leaves within a frame is owed no code. */
  truncated: (make: Maker): Broken => {
    const whole = make.frame({
      opcode: make.pick([1, 2, 9]),
      payload: Buffer.from('x'.repeat(make.between(1, 125))),
    })
    return { bytes: whole.subarray(0, make.between(1, whole.length - 1)), code: undefined }
  },
} satisfies Record<string, (make: Maker) => Broken>

const NAMES = Object.keys(FAULTS) as Fault[]

/** Valid frames, and the text of the message that they make, if any. */
function valid(make: Maker): { bytes: Buffer; text?: string } {
  const text = make.text()
  const payload = Buffer.from(text)
  const control = make.frame({ opcode: make.pick([9, 10]), payload: make.bytes(make.below(126)) })
  const at = make.below(payload.length + 1)
  return make.pick([
    { bytes: control },
    { bytes: make.frame({ payload }), text },
    {
      bytes: Buffer.concat([
        make.frame({ payload: payload.subarray(0, at), fin: false }),
        control,
        make.frame({ opcode: 0, payload: payload.subarray(at) }),
      ]),
      text,
    },
  ])
}

/** Returns the sequence of a seed: the same bytes for the same seed and size. */
export function malformedSequence(seed: number, maxMessage: number): MalformedSequence {
  const make = new Maker(seed, maxMessage)
  const before = Array.from({ length: make.below(4) }, () => valid(make))
  const fault = make.pick(NAMES)
  const { bytes, code } = FAULTS[fault](make)
  const after = code === undefined || make.below(2) === 0 ? Buffer.alloc(0) : make.bytes(make.below(300))
  const all = Buffer.concat([...before.map((one) => one.bytes), bytes, after])
  const texts = before.flatMap(({ text }) => (text === undefined ? [] : [text]))
  return {
    fault,
    bytes: all,
    splitAt: make.below(2) === 0 ? all.length : make.below(all.length),
    texts,
    code,
  }
}

/** The server to attack, and how. */
export interface Attack {
  readonly url: string
  /** Path that the server accepts a WebSocket at; its messages are echoed. */
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  /** Bytes of the largest message that the server takes. */
  readonly maxMessage: number
  readonly count: number
  /** Connections at a time. Default: 50. */
  readonly atOnce?: number
}

/** What became of the sequences. */
export interface AttackReport {
  /** Sequences of each fault that were sent. */
  readonly sent: Readonly<Partial<Record<Fault, number>>>
  /** One text for each sequence that ended otherwise than it has to, with its seed. */
  readonly wrong: readonly string[]
  /** Messages of the bystander that were echoed, one after the other, while the sequences were sent. */
  readonly echoed: number
}

/** All faults, of which a report of enough sequences has some each. */
export const FAULT_NAMES: readonly string[] = NAMES

/** Sends the sequences of the seeds 0 to `count`, while a bystander sends and gets back numbered messages. */
export async function attack(options: Attack): Promise<AttackReport> {
  const { url, path, headers = {}, maxMessage, count, atOnce = 50 } = options
  const bystander = await connectSocket(url, path, { headers })
  if (!(bystander instanceof SocketClient)) throw new Error(`the bystander was answered ${bystander.status}`)
  const sent: Partial<Record<Fault, number>> = {}
  const wrong: string[] = []
  let isOver = false
  let next = 0
  const client = async (): Promise<void> => {
    for (let seed = next++; seed < count; seed = next++) {
      const sequence = malformedSequence(seed, maxMessage)
      sent[sequence.fault] = (sent[sequence.fault] ?? 0) + 1
      const fault = await faultOf(sequence, await openRawSocket(url, path, headers)).catch(String)
      if (fault !== undefined)
        wrong.push(
          `seed ${seed}, ${sequence.fault}: ${fault}; ${sequence.bytes.toString('hex').slice(0, 400)}`,
        )
    }
  }
  const talk = async (): Promise<number> => {
    for (let index = 0; ; index++) {
      if (isOver) return index
      bystander.send(`message ${index}`)
      const answer = await bystander.next()
      if (answer !== `message ${index}`) throw new Error(`message ${index} was answered ${String(answer)}`)
    }
  }
  const talked = talk()
  await Promise.race([talked, Promise.all(Array.from({ length: atOnce }, client))])
  isOver = true
  const echoed = await talked
  if (bystander.waiting().length > 0) throw new Error('the bystander got messages of others')
  bystander.close(1000)
  return { sent, wrong, echoed }
}

/** Sends one sequence; resolves to what was wrong about its end, or undefined. */
async function faultOf(sequence: MalformedSequence, socket: RawSocket): Promise<string | undefined> {
  const { bytes, splitAt, texts, code } = sequence
  try {
    const status = await socket.handshake()
    if (status !== 101) return `the handshake was answered ${status}`
    socket.write(bytes.subarray(0, splitAt))
    if (splitAt < bytes.length) {
      await new Promise((resolve) => setImmediate(resolve))
      socket.write(bytes.subarray(splitAt))
    }
    // Only a client that left within a frame ends the connection; otherwise the server has to.
    if (code === undefined) socket.finish()
    const echoes: string[] = []
    for (;;) {
      const frame = await socket.next()
      if (frame === undefined) return code === undefined ? echoFault(echoes, texts) : 'no close frame came'
      if (frame.opcode === 1) echoes.push(frame.payload.toString())
      if (frame.opcode !== 8) continue
      const got = frame.payload.length < 2 ? 1005 : frame.payload.readUInt16BE(0)
      if (got !== code) return `closed with ${got} instead of ${code ?? 'no code'}`
      if ((await socket.next()) !== undefined) return 'a frame came after the close frame'
      return echoFault(echoes, texts)
    }
  } finally {
    socket.destroy()
  }
}

/** The app may have been told to stop before it echoed all, but it echoes nothing else. */
function echoFault(echoes: readonly string[], texts: readonly string[]): string | undefined {
  return echoes.every((echo, index) => echo === texts[index])
    ? undefined
    : `echoed ${JSON.stringify(echoes)} of ${JSON.stringify(texts)}`
}
