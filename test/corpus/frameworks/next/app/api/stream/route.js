export function GET() {
  const words = ['one ', 'two ', 'three']
  const body = new ReadableStream({
    pull(controller) {
      const word = words.shift()
      if (word === undefined) controller.close()
      else controller.enqueue(new TextEncoder().encode(word))
    },
  })
  return new Response(body, { headers: { 'content-type': 'text/plain' } })
}
