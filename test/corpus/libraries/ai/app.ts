import {
  convertToModelMessages,
  createUIMessageStreamResponse,
  generateText,
  Output,
  simulateReadableStream,
  stepCountIs,
  streamText,
  tool,
  toUIMessageStream,
  type UIMessage,
} from 'ai'
import { MockLanguageModelV4 } from 'ai/test'
import { Hono } from 'hono'
import { z } from 'zod'
import { defineApp } from 'unmoor'

const usage = {
  inputTokens: { total: 3, noCache: 3, cacheRead: undefined, cacheWrite: undefined },
  outputTokens: { total: 10, text: 10, reasoning: undefined },
}

/** Speaks the text word by word. */
function speaking(text: string, delay: number | null = null): MockLanguageModelV4 {
  return new MockLanguageModelV4({
    doStream: () =>
      Promise.resolve({
        stream: simulateReadableStream({
          initialDelayInMs: delay,
          chunkDelayInMs: delay,
          chunks: [
            { type: 'text-start' as const, id: 'text-1' },
            ...text.split(/(?<= )/).map((delta) => ({ type: 'text-delta' as const, id: 'text-1', delta })),
            { type: 'text-end' as const, id: 'text-1' },
            { type: 'finish' as const, finishReason: { unified: 'stop' as const, raw: undefined }, usage },
          ],
        }),
      }),
    doGenerate: () =>
      Promise.resolve({
        content: [{ type: 'text' as const, text }],
        finishReason: { unified: 'stop' as const, raw: undefined },
        usage,
        warnings: [],
      }),
  })
}

const app = new Hono()

app.post('/chat', async (c) => {
  const { messages } = await c.req.json<{ messages: UIMessage[] }>()
  const result = streamText({
    model: speaking('Hello, wörld! 🎉 ', 1),
    messages: await convertToModelMessages(messages),
  })
  return createUIMessageStreamResponse({ stream: toUIMessageStream({ stream: result.stream }) })
})
app.get('/text', (c) => {
  const { textStream } = streamText({ model: speaking('one two three ', 1), prompt: 'Count' })
  return c.body(textStream.pipeThrough(new TextEncoderStream()), 200, {
    'content-type': 'text/plain; charset=utf-8',
  })
})
app.get('/generate', async (c) => {
  const { text, usage, finishReason } = await generateText({ model: speaking('Hi there'), prompt: 'Say hi' })
  return c.json({ text, usage, finishReason })
})
app.get('/object', async (c) => {
  const { output } = await generateText({
    model: speaking('{"recipe":{"name":"Lasagna","steps":["a","b"]}}'),
    output: Output.object({
      schema: z.object({ recipe: z.object({ name: z.string(), steps: z.array(z.string()) }) }),
    }),
    prompt: 'A recipe',
  })
  return c.json(output)
})
app.get('/no-object', async (c) => {
  try {
    const result = await generateText({
      model: speaking('{"recipe":'),
      output: Output.object({ schema: z.object({ recipe: z.string() }) }),
      prompt: 'A recipe',
    })
    return c.json(result.output)
  } catch (error) {
    return c.json({ name: (error as Error).name, message: (error as Error).message }, 422)
  }
})
app.get('/tools', async (c) => {
  const model = new MockLanguageModelV4({
    doGenerate: [
      {
        content: [{ type: 'tool-call', toolCallId: 'call-1', toolName: 'weather', input: '{"city":"Köln"}' }],
        finishReason: { unified: 'tool-calls', raw: undefined },
        usage,
        warnings: [],
      },
      {
        content: [{ type: 'text', text: 'It is 22 °C.' }],
        finishReason: { unified: 'stop', raw: undefined },
        usage,
        warnings: [],
      },
    ],
  })
  const { text, steps } = await generateText({
    model,
    prompt: 'The weather?',
    stopWhen: stepCountIs(3),
    tools: {
      weather: tool({
        inputSchema: z.object({ city: z.string() }),
        execute: ({ city }) => Promise.resolve({ city, temperature: 22 }),
      }),
    },
  })
  return c.json({
    text,
    results: steps.flatMap(({ toolResults }) => toolResults.map(({ output }) => output)),
  })
})

export default defineApp({ fetch: app.fetch })
