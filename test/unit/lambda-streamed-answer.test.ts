import { describe, expect, it } from 'vitest'
import { handle } from './lambda-handle.ts'

const urlEvent = (): object => ({
  rawPath: '/',
  requestContext: { domainName: 'x.lambda-url.eu-west-1.on.aws', http: { method: 'GET' } },
})

describe('a streamed answer', () => {
  it.each<[string, () => ReadableStream]>([
    ['fails at its start', () => new ReadableStream({ start: () => Promise.reject(new Error('at once')) })],
    [
      'fails after some promises',
      () =>
        new ReadableStream({
          async pull(controller) {
            for (let turns = 0; turns < 20; turns++) await Promise.resolve()
            controller.error(new Error('at once'))
          },
        }),
    ],
    [
      'gives what is no bytes',
      () => new ReadableStream({ start: (controller) => controller.enqueue({ at: 'once' }) }),
    ],
  ])('that %s is a 500 with a log line', async (_, stream) => {
    const { result, lines } = await handle(urlEvent(), () => new Response(stream()))
    expect(result).toMatchObject({ head: { statusCode: 500 } })
    expect(lines.join()).toMatch(/at once|type object/)
    if (!('body' in result)) throw new Error('the answer is not streamed')
    expect(Buffer.from((await result.body?.next()) ?? '').toString()).toBe('Internal Server Error')
  })

  it('has its head before its first chunk', async () => {
    const { result } = await handle(
      urlEvent(),
      () => new Response(new ReadableStream({ pull: () => new Promise(() => {}) })),
    )
    expect(result).toMatchObject({ head: { statusCode: 200 } })
  })

  it('may have text, ArrayBuffers and views as chunks', async () => {
    const chunks = [
      'Zoë',
      new Uint8Array([1, 2]).buffer,
      new DataView(new Uint8Array([3, 4, 5]).buffer, 1, 1),
    ]
    const { result } = await handle(
      urlEvent(),
      () =>
        new Response(
          new ReadableStream({
            start(controller) {
              for (const chunk of chunks) controller.enqueue(chunk)
              controller.close()
            },
          }),
        ),
    )
    if (!('body' in result)) throw new Error('the answer is not streamed')
    const bytes: number[] = []
    for (let chunk = await result.body?.next(); chunk !== undefined; chunk = await result.body?.next())
      bytes.push(...chunk)
    expect(bytes).toEqual([...Buffer.from('Zoë'), 1, 2, 4])
  })
})
