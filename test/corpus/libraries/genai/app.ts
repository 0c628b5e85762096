import { ApiError, GoogleGenAI, Type } from '@google/genai'
import { defineApp, defineBindings, variable } from 'unmoor'

const bindings = defineBindings({ UPSTREAM_URL: variable() })
const add = {
  name: 'add',
  description: 'Adds',
  parameters: { type: Type.OBJECT, properties: { a: { type: Type.NUMBER } } },
}

export default defineApp({
  bindings,
  async fetch(request, env) {
    const ai = new GoogleGenAI({ apiKey: 'key', httpOptions: { baseUrl: env.UPSTREAM_URL } })
    switch (new URL(request.url).pathname) {
      case '/text': {
        const { text, usageMetadata } = await ai.models.generateContent({ model: 'm', contents: 'Hi, Ädä' })
        return Response.json({ text, usageMetadata })
      }
      case '/stream': {
        const parts: (string | undefined)[] = []
        for await (const { text } of await ai.models.generateContentStream({ model: 'm', contents: 'Hi' }))
          parts.push(text)
        return Response.json(parts)
      }
      case '/call': {
        const config = { tools: [{ functionDeclarations: [add] }], temperature: 0 }
        const { functionCalls } = await ai.models.generateContent({
          model: 'tools',
          contents: '1 + 2',
          config,
        })
        return Response.json(functionCalls)
      }
      case '/chat': {
        const chat = ai.chats.create({ model: 'm', history: [{ role: 'user', parts: [{ text: 'before' }] }] })
        const { text } = await chat.sendMessage({ message: 'after' })
        return Response.json({ text, turns: chat.getHistory().length })
      }
      case '/embed': {
        const { embeddings } = await ai.models.embedContent({ model: 'm', contents: ['a', 'b'] })
        return Response.json(embeddings)
      }
      case '/count':
        return Response.json((await ai.models.countTokens({ model: 'm', contents: 'x' })).totalTokens)
      default:
        try {
          await ai.models.generateContent({ model: 'none', contents: 'x' })
          return new Response('answered')
        } catch (error) {
          if (!(error instanceof ApiError)) throw error
          return Response.json({ name: error.name, status: error.status }, { status: 404 })
        }
    }
  },
})
