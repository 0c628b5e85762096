import { createFileRoute } from '@tanstack/react-router'
import { createServerFn } from '@tanstack/react-start'
import { env } from 'cloudflare:workers'

const getOwner = createServerFn().handler(() => ({ owner: (env as unknown as { OWNER: string }).OWNER }))

export const Route = createFileRoute('/')({
  loader: () => getOwner(),
  component: Home,
})

function Home() {
  const { owner } = Route.useLoaderData()
  return <h1>Hello {owner}</h1>
}
