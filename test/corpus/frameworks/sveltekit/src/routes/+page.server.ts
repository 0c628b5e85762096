export const load = ({ url, platform, cookies }) => {
  const visits = Number(cookies.get('visits') ?? 0) + 1
  cookies.set('visits', String(visits), { path: '/' })
  return { name: url.searchParams.get('name') ?? platform?.env.OWNER, visits }
}
