import { Suspense } from 'react'
import { Await, useLoaderData } from 'react-router'

export const loader = () => ({
  late: new Promise<string>((done) => void setTimeout(done, 20, 'came late')),
})

export default function Late() {
  const { late } = useLoaderData<typeof loader>()
  return (
    <Suspense fallback={<p>waits</p>}>
      <Await resolve={late}>{(text) => <p>{text}</p>}</Await>
    </Suspense>
  )
}
