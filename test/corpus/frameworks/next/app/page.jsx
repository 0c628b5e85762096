import { getCloudflareContext } from '@opennextjs/cloudflare'
import { Counter } from './counter.jsx'

export default async function Home({ searchParams }) {
  const { name = 'Ada' } = await searchParams
  const { env } = getCloudflareContext()
  return (
    <main>
      <h1>
        {env.GREETING} {name}
      </h1>
      <Counter />
    </main>
  )
}
