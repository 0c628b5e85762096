export function GET(request) {
  return Response.json(Object.fromEntries(request.nextUrl.searchParams))
}

export async function POST(request) {
  return Response.json({ got: await request.json() }, { status: 201 })
}
