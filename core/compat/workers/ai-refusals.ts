/**
 * Features of Workers AI that a server of OpenAI's protocol lacks. Both the build and the AI binding read
 * this list.
 */

/** Unsupported methods of the Workers AI binding (`env.AI`), each with the nearest alternative. */
export const REFUSED_METHODS: Readonly<Record<string, string>> = {
  toMarkdown: 'Convert documents with a library, or the REST API of a provider through fetch()',
  autorag: 'Search with embeddings of env.AI.run() and a vector store such as pgvector',
  aiSearch: 'Search with embeddings of env.AI.run() and a vector store such as pgvector',
  websearch: 'Call the REST API of a search provider with fetch()',
  models: 'The models are those of the driver in unmoor.config.ts',
  gateway: "Name the gateway as an option of run(), as in { gateway: { id: 'my-gateway' } }",
  fetch: 'Call run()',
}

/** Patterns of names of unsupported Workers AI models, each with what the models do. */
const BY_NAME: readonly (readonly [RegExp, string])[] = [
  [/whisper|melotts|aura-|nova-3|smart-turn|deepgram/i, 'speech'],
  [/flux-|stable-diffusion|dreamshaper|lucid-origin|phoenix-1|sdxl/i, 'making images'],
  [/resnet-|detr-|llava|uform-/i, 'reading images'],
  [/m2m100|indictrans/i, 'translation by a model of its own'],
  [/bart-large-cnn/i, 'summaries by a model of its own'],
  [/distilbert|-sst-2/i, 'classification of text'],
  [/reranker/i, 'reranking'],
]

/** Fields of a Workers AI input that neither chat nor embeddings have, each with what it stands for. */
const BY_INPUT: Readonly<Record<string, string>> = {
  image: 'an image beside the messages; put it into them, as { type: "image_url" }',
  image_b64: 'an image beside the messages; put it into them, as { type: "image_url" }',
  mask: 'making images',
  audio: 'speech',
  source_lang: 'translation by a model of its own',
  target_lang: 'translation by a model of its own',
  input_text: 'summaries by a model of its own',
  contexts: 'reranking',
  requests: 'a batch of requests; send one after the other, or from a queue',
  input: 'the Responses API; give messages',
  functions: 'embedded function calling; give tools',
  lora: 'a LoRA; let the server serve it as a model of its own',
  raw: 'a prompt without the model\u2019s template; give messages',
}

/**
 * Returns what an unsupported Workers AI model does, by its name; undefined if it may be a model for text or
 * embeddings.
 */
export function refusedModel(model: string): string | undefined {
  return BY_NAME.find(([pattern]) => pattern.test(model))?.[1]
}

/** Returns why an input of `env.AI.run()` cannot be sent; undefined if it can. */
export function refusedInput(inputs: Readonly<Record<string, unknown>>): string | undefined {
  for (const [name, what] of Object.entries(BY_INPUT))
    if (inputs[name] !== undefined && inputs[name] !== false && inputs[name] !== null)
      return `"${name}" is ${what}`
  return undefined
}
