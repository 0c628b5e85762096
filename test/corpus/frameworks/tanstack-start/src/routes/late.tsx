import { Await, createFileRoute } from '@tanstack/react-router'
import { Suspense } from 'react'

export const Route = createFileRoute('/late')({
  loader: () => ({ late: new Promise<string>((done) => void setTimeout(done, 20, 'came late')) }),
  component: Late,
})

function Late() {
  const { late } = Route.useLoaderData()
  return (
    <Suspense fallback={<p>waits</p>}>
      <Await promise={late}>{(text) => <p>{text}</p>}</Await>
    </Suspense>
  )
}
