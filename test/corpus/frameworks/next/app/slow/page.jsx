import { Suspense } from 'react'

export const dynamic = 'force-dynamic'

async function Late() {
  await new Promise((resolve) => {
    setTimeout(resolve, 50)
  })
  return <p>came late</p>
}

export default function Slow() {
  return (
    <Suspense fallback={<p>waiting</p>}>
      <Late />
    </Suspense>
  )
}
