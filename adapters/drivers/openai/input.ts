/** Converts inputs of Workers AI to requests of OpenAI's protocol. */
import { AiError } from './errors.ts'

export type Inputs = Readonly<Record<string, unknown>>

/** A request to the AI model's server. */
export interface ServerCall {
  path: '/chat/completions' | '/embeddings'
  body: Record<string, unknown>
}

/**
 * Converts the inputs of a Workers AI call to OpenAI's: a text to embeddings; a prompt or messages to a chat.
 * @throws AiError for others.
 */
export function toCall(model: string, inputs: unknown): ServerCall {
  if (typeof inputs !== 'object' || inputs === null)
    throw new AiError(5006, 400, 'Error: the input is no object')
  const { prompt, messages, text, ...rest } = inputs as Inputs
  if (messages !== undefined || prompt !== undefined) return toChat(model, { prompt, messages, rest })
  if (text === undefined)
    throw new AiError(
      5006,
      400,
      "Error: oneOf at '/' not met: required properties are 'prompt', 'messages' or 'text'",
    )
  const { pooling: _, ...embedding } = rest
  return { path: '/embeddings', body: { ...embedding, model, input: text, encoding_format: 'float' } }
}

function toChat(
  model: string,
  { prompt, messages, rest }: { prompt: unknown; messages: unknown; rest: Inputs },
): ServerCall {
  if (messages !== undefined && !Array.isArray(messages))
    throw new AiError(5006, 400, "Error: Type mismatch of '/messages', 'array' not in 'object'")
  const { tools, response_format: format, ...others } = rest
  const body: Record<string, unknown> = {
    ...others,
    model,
    messages: messages === undefined ? [{ role: 'user', content: prompt }] : toMessages(messages),
  }
  if (Array.isArray(tools)) body['tools'] = tools.map(toTool)
  if (format !== undefined) body['response_format'] = toFormat(format)
  if (rest['stream'] === true) body['stream_options'] = { include_usage: true }
  return { path: '/chat/completions', body }
}

/**
 * Converts a tool of an AI chat to OpenAI's form: a function with its parameters. Workers AI's older form is
 * accepted too.
 */
function toTool(tool: unknown): unknown {
  if (typeof tool !== 'object' || tool === null || 'function' in tool || !('name' in tool)) return tool
  const { name, description, parameters } = tool as Inputs
  return { type: 'function', function: { name, description, parameters } }
}

/**
 * Converts an AI chat's response format: Workers AI takes the JSON schema itself, OpenAI wraps it with a
 * name.
 */
function toFormat(format: unknown): unknown {
  const { type, json_schema: schema } = format as { type?: string; json_schema?: object }
  if (type !== 'json_schema' || typeof schema !== 'object' || 'schema' in schema) return format
  return { type, json_schema: { name: 'response', schema } }
}

interface ToolCall {
  id?: string
  name?: string
  arguments?: unknown
  function?: { name?: string }
}

/**
 * Converts the messages of an AI chat. Tool calls in the history and their results refer to each other by an
 * id in OpenAI's protocol, and by the function's name in Workers AI.
 */
function toMessages(messages: readonly unknown[]): unknown[] {
  const open: { id: string; name: string | undefined }[] = []
  let made = 0
  return messages.map((message) => {
    if (typeof message !== 'object' || message === null) return message
    const { role, tool_calls: calls, tool_call_id: given, name } = message as Record<string, unknown>
    if (role === 'assistant' && Array.isArray(calls)) {
      const known = (calls as ToolCall[]).map((call) => {
        const id = call.id ?? `call_${made++}`
        open.push({ id, name: call.function?.name ?? call.name })
        if (call.function !== undefined) return { type: 'function', ...call, id }
        const { arguments: values = {} } = call
        const text = typeof values === 'string' ? values : JSON.stringify(values)
        return { id, type: 'function', function: { name: call.name, arguments: text } }
      })
      return { ...message, tool_calls: known }
    }
    if (role !== 'tool') return message
    const at = open.findIndex((call) =>
      given === undefined ? name === undefined || call.name === name : call.id === given,
    )
    const [call] = at < 0 ? [] : open.splice(at, 1)
    return { ...message, tool_call_id: given ?? call?.id ?? `call_${String(name)}` }
  })
}
