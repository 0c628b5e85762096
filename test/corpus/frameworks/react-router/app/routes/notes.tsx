import { data, Form, redirect, useActionData, useLoaderData } from 'react-router'

export const loader = async ({ context }: any) => ({
  note: (await context.cloudflare.env.NOTES.get('note')) as string | null,
})

export const action = async ({ request, context }: any) => {
  const text = String((await request.formData()).get('text') ?? '')
  if (text === '') return data({ missing: true }, { status: 422 })
  await context.cloudflare.env.NOTES.put('note', text)
  return redirect('/notes', { headers: { 'set-cookie': 'saved=1; Path=/' } })
}

export default function Notes() {
  const { note } = useLoaderData<typeof loader>()
  const missing = useActionData<typeof action>()
  return (
    <Form method="post">
      <p>{note ?? 'none'}</p>
      {missing ? <p>text is missing</p> : null}
      <input name="text" />
    </Form>
  )
}
