import { useLoaderData } from 'react-router'

export const meta = () => [{ title: 'Home' }]

export const loader = ({ request, context }: any) => ({
  message: context.cloudflare.env.VALUE_FROM_CLOUDFLARE,
  name: new URL(request.url).searchParams.get('name') ?? 'nobody',
})

export default function Home() {
  const { message, name } = useLoaderData<typeof loader>()
  return (
    <main>
      <h1>{message}</h1>
      <p>Hello {name}</p>
    </main>
  )
}
