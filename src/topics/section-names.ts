// Names topics after the deepest node of the atlas that most of their papers belong to.
import type { Atlas, AtlasLevel, Memberships } from '../atlas/atlas.ts'
import { leastSimilarity } from '../atlas/atlas.ts'

// Value of a paper to a name by level: the gain times the probability p that it belongs there, minus `wrong` × (1 - p).
const gains: Readonly<Record<AtlasLevel, number>> = {
  area: 1,
  field: 0.8,
  division: 0.65,
  discipline: 0.4,
  domain: 0.2,
}
const wrong = 0.35

/**
 * The node that best describes rows, -1 if none does.
 * @param rows positions in `memberships`
 */
export function commonNode(memberships: Memberships, rows: readonly number[], atlas: Atlas): number {
  const { width, area, share, similarity } = memberships
  const chances = new Map<number, number>()
  for (const row of rows) {
    if (similarity[row]! < leastSimilarity) continue
    for (let i = row * width; i < (row + 1) * width; i++)
      for (let node = atlas.firstArea + area[i]!; node >= 0; node = atlas.nodes[node]!.parent)
        chances.set(node, (chances.get(node) ?? 0) + share[i]!)
  }
  let best = -1
  let most = 0
  for (const [node, sum] of [...chances].sort(([a], [b]) => a - b)) {
    const value = sum * gains[atlas.nodes[node]!.level] - (rows.length - sum) * wrong
    if (value > most) {
      most = value
      best = node
    }
  }
  return best
}

// The remainder of a discipline is named after at most `mostParts` fields, each with at least `leastOfPart` papers, if
// they cover this share of it.
const mostParts = 2
const leastOfPart = 2
const covered = 0.75

/** The most frequent fields within a node, if they cover enough of the rows; otherwise none. */
function partsOf(
  { width, area, share }: Memberships,
  { rows, node, atlas }: { readonly rows: readonly number[]; readonly node: number; readonly atlas: Atlas },
): readonly string[] {
  const counts = new Map<number, number>()
  for (const row of rows) {
    const chances = new Map<number, number>()
    for (let i = row * width; i < (row + 1) * width; i++) {
      const field = atlas.above(atlas.firstArea + area[i]!, 'field')
      chances.set(field, (chances.get(field) ?? 0) + share[i]!)
    }
    const [likeliest] = [...chances].sort(([a, p], [b, q]) => q - p || a - b)[0]!
    if (atlas.isWithin(likeliest, node)) counts.set(likeliest, (counts.get(likeliest) ?? 0) + 1)
  }
  const parts = [...counts]
    .filter(([, count]) => count >= leastOfPart)
    .sort(([a, m], [b, n]) => n - m || a - b)
    .slice(0, mostParts)
  const held = parts.reduce((sum, [, count]) => sum + count, 0)
  return held >= covered * rows.length ? parts.map(([field]) => atlas.nodes[field]!.name) : []
}

/** A topic to be named. */
interface Unnamed {
  /** Its node of the atlas; -1 for none. */
  readonly node: number
  /** Rows of its papers in the memberships. */
  readonly rows: readonly number[]
  /** Its terms, best first. */
  readonly terms: readonly string[]
  /** Its label without the atlas. */
  readonly label: string
}

/**
 * A unique label for each topic: the name of its node; for the remainder of a discipline or domain, the name with one
 * or two fields that cover it, or "…: further papers"; if topics share a node, the name with a distinguishing term.
 * @param options `sections`: the memberships, if the topics are sections; `taken`: labels already used
 */
export function sectionLabels(
  topics: readonly Unnamed[],
  {
    atlas,
    sections,
    taken,
  }: { readonly atlas: Atlas; readonly sections: Memberships | undefined; readonly taken: Iterable<string> },
): string[] {
  const used = new Set(taken)
  const times = new Map<number, number>()
  for (const { node } of topics) times.set(node, (times.get(node) ?? 0) + 1)
  return topics.map(({ node, rows, terms, label }) => {
    const candidates: string[] = []
    if (node >= 0) {
      const { name, level } = atlas.nodes[node]!
      const lower = name.toLowerCase()
      const telling = terms.filter(
        (term) =>
          !term
            .toLowerCase()
            .split(/\s+/u)
            .some((word) => lower.includes(word.replace(/s$/u, ''))),
      )
      if (sections !== undefined && (level === 'discipline' || level === 'domain')) {
        const parts = level === 'domain' ? [] : partsOf(sections, { rows, node, atlas })
        if (parts.length > 0) candidates.push(`${name}: ${parts.join('; ')}`)
        candidates.push(`${name}: further papers`)
      } else if (times.get(node) === 1) candidates.push(name)
      candidates.push(...telling.map((term) => `${name}: ${term}`))
    } else candidates.push(label)
    let chosen = candidates.find((candidate) => !used.has(candidate))
    for (let number = 2; chosen === undefined; number++) {
      const numbered = `${candidates[0] ?? label} (${number})`
      if (!used.has(numbered)) chosen = numbered
    }
    used.add(chosen)
    return chosen
  })
}
