export const loader = ({ request }: any) =>
  Response.json({ query: Object.fromEntries(new URL(request.url).searchParams) })

export const action = async ({ request }: any) =>
  Response.json({ method: request.method, body: await request.json() }, { status: 201 })
