export default defineEventHandler((event) => {
  const { readable, writable } = new TransformStream<string, string>()
  const writer = writable.getWriter()
  event.waitUntil(
    (async () => {
      for (const part of ['one ', 'two ', 'three']) await writer.write(part)
      await writer.close()
    })(),
  )
  return readable.pipeThrough(new TextEncoderStream())
})
