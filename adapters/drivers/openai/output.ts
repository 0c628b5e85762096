/**
 * Converts an OpenAI server's answers to the form of Workers AI. The server's own members stay in the answer.
 */

interface ServerToolCall {
  index?: number
  id?: string
  type?: string
  function?: { name?: string; arguments?: string }
}

interface Message {
  content?: unknown
  tool_calls?: ServerToolCall[] | null
}

/** A chat completion of the OpenAI server, or one chunk of a streamed completion. */
interface Completion {
  choices?: { message?: Message; delta?: Message; finish_reason?: string | null }[]
  usage?: unknown
  error?: unknown
}

/**
 * Converts an OpenAI answer to a chat. `json` is true if the input asked for JSON, which Workers AI returns
 * parsed.
 */
export function toTextAnswer(completion: unknown, json: boolean): object {
  const answer = completion as Completion
  const message = answer.choices?.[0]?.message
  const text = textOf(message?.content)
  const calls = message?.tool_calls ?? []
  return {
    response: json && text !== null ? parsed(text) : text,
    ...(calls.length === 0 ? {} : { tool_calls: calls.map(toToolCall) }),
    ...answer,
  }
}

function textOf(content: unknown): string | null {
  if (typeof content === 'string') return content
  if (!Array.isArray(content)) return null
  return (content as { text?: string }[]).map(({ text = '' }) => text).join('')
}

/** Parses JSON of an AI model; text that is not JSON is returned unchanged. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/**
 * Converts an OpenAI tool call to an object with both forms that Workers AI's models have: name and
 * arguments, and OpenAI's own.
 */
function toToolCall({ id, function: called }: ServerToolCall): object {
  const text = called?.arguments ?? ''
  return {
    name: called?.name,
    arguments: text === '' ? {} : parsed(text),
    id,
    type: 'function',
    function: { name: called?.name, arguments: text },
  }
}

/** Converts an OpenAI answer with embeddings, sorted in the order of the texts. */
export function toEmbeddings(answer: unknown): object {
  const { data, usage } = answer as { data: { index?: number; embedding: number[] }[]; usage?: unknown }
  const vectors = data.toSorted((a, b) => (a.index ?? 0) - (b.index ?? 0)).map(({ embedding }) => embedding)
  return {
    shape: [vectors.length, vectors[0]?.length ?? 0],
    data: vectors,
    ...(usage === undefined ? {} : { usage }),
  }
}

/** Converts a streamed AI chat: `data: {"response":"..."}` for each piece, `data: [DONE]` last. */
export function toTextStream(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const encoder = new TextEncoder()
  const decoder = new TextDecoder()
  const calls: ServerToolCall[] = []
  let rest = ''
  let isDone = false
  const take = (line: string): string | undefined => {
    if (!line.startsWith('data:')) return undefined
    const data = line.slice(5).trim()
    if (data === '[DONE]') {
      isDone = true
      return data
    }
    return JSON.stringify(toPiece(JSON.parse(data) as Completion, calls))
  }
  return body.pipeThrough(
    new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
      transform(bytes, controller) {
        rest += decoder.decode(bytes, { stream: true })
        const lines = rest.split(/\r?\n/)
        rest = lines.pop() ?? ''
        let text = ''
        for (const line of lines) {
          const data = isDone ? undefined : take(line)
          if (data !== undefined) text += `data: ${data}\n\n`
        }
        if (text !== '') controller.enqueue(encoder.encode(text))
      },
      flush(controller) {
        // An AI server that dies half-way must not look like a stream that has finished.
        if (!isDone) controller.error(new Error("The model's server ended the stream before [DONE]."))
      },
    }),
  )
}

/**
 * Converts one chunk of a streamed AI chat. Tool calls arrive in pieces and are returned as a whole with the
 * last chunk.
 */
function toPiece(chunk: Completion, calls: ServerToolCall[]): object {
  const choice = chunk.choices?.[0]
  for (const piece of choice?.delta?.tool_calls ?? []) {
    const call = (calls[piece.index ?? 0] ??= { function: { name: '', arguments: '' } })
    if (piece.id !== undefined) call.id = piece.id
    call.function = {
      name: (call.function?.name ?? '') + (piece.function?.name ?? ''),
      arguments: (call.function?.arguments ?? '') + (piece.function?.arguments ?? ''),
    }
  }
  const isLast = typeof choice?.finish_reason === 'string'
  const whole = isLast ? calls.splice(0).filter(Boolean).map(toToolCall) : []
  return {
    ...(chunk.error === undefined ? { response: textOf(choice?.delta?.content) ?? '' } : {}),
    ...(whole.length === 0 ? {} : { tool_calls: whole }),
    ...chunk,
  }
}
