/**
 * The work of each id of the group `node`: the same functions run in unmoor and in its peers. Web standards
 * only.
 */
export type Work = 'hello' | 'json' | 'echo1k' | 'stream'

/** Small enough that the HTTP layer is what is measured, large enough to be an answer of a real API. */
export const RECORD = {
  id: 4711,
  name: 'Ada Lovelace',
  email: 'ada@example.com',
  active: true,
  tags: ['math', 'poetry'],
  address: { city: 'London', zip: 'W1J' },
}
/** 16 chunks of 1 KiB. */
export const CHUNKS: readonly Uint8Array[] = Array.from({ length: 16 }, (_, index) =>
  new Uint8Array(1024).fill(65 + index),
)

export const HANDLERS: Readonly<Record<Work, (request: Request) => Response | Promise<Response>>> = {
  hello: () => new Response('Hello, world!'),
  json: () => Response.json(RECORD),
  echo1k: async (request) => new Response(await request.text()),
  stream: () => {
    let index = 0
    return new Response(
      new ReadableStream({
        pull(controller) {
          controller.enqueue(CHUNKS[index++])
          if (index === CHUNKS.length) controller.close()
        },
      }),
      { headers: { 'content-type': 'application/octet-stream' } },
    )
  },
}
