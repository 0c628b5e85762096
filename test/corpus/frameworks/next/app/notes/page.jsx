import { getCloudflareContext } from '@opennextjs/cloudflare'

export const dynamic = 'force-dynamic'

export default async function Notes() {
  const { env } = getCloudflareContext()
  const { keys } = await env.NOTES.list()
  const texts = await Promise.all(keys.map(({ name }) => env.NOTES.get(name)))
  return (
    <main>
      <ul>
        {texts.map((text) => (
          <li key={text}>{text}</li>
        ))}
      </ul>
      <form method="post" action="/api/notes">
        <input name="text" />
      </form>
    </main>
  )
}
