// Names of topics from the tree of the atlas: the deepest node that most of a topic's papers belong to.
import type { Atlas, AtlasLevel, Memberships } from '../atlas/atlas.ts'
import { leastSimilarity } from '../atlas/atlas.ts'

// What a paper gives a name of a level, times the chance that it belongs there, less `wrong` times that it does not.
const gains: Readonly<Record<AtlasLevel, number>> = {
  area: 1,
  field: 0.8,
  division: 0.65,
  discipline: 0.4,
  domain: 0.2,
}
const wrong = 0.35

/**
 * The node that tells best what rows are about, -1 where none does.
 * @param rows positions in `memberships`
 */
export function commonNode(memberships: Memberships, rows: readonly number[], atlas: Atlas): number {
  const { width, area, share, similarity } = memberships
  const chances = new Map<number, number>()
  for (const row of rows) {
    if (similarity[row] < leastSimilarity) continue
    for (let i = row * width; i < (row + 1) * width; i++)
      for (let node = atlas.firstArea + area[i]; node >= 0; node = atlas.nodes[node].parent)
        chances.set(node, (chances.get(node) ?? 0) + share[i])
  }
  let best = -1
  let most = 0
  for (const [node, sum] of [...chances].sort(([a], [b]) => a - b)) {
    const value = sum * gains[atlas.nodes[node].level] - (rows.length - sum) * wrong
    if (value > most) {
      most = value
      best = node
    }
  }
  return best
}

// Of what is left of a discipline or a domain, these are named: at most so many, of two papers and such a share at least.
const mostParts = 2
const leastOfPart = 2
const leastShare = 0.3
// Without "and others" they must cover so much.
const covered = 0.6

/**
 * What the papers of a wide section are about in the main: names of fields of a discipline, of disciplines of a domain, the
 * most frequent first. None where they are all of different ones.
 */
function partsOf(
  { width, area, share }: Memberships,
  { rows, node, atlas }: { readonly rows: readonly number[]; readonly node: number; readonly atlas: Atlas },
): { readonly names: readonly string[]; readonly areAll: boolean } {
  const level = atlas.nodes[node].level === 'domain' ? 'discipline' : 'field'
  const counts = new Map<number, number>()
  for (const row of rows) {
    const chances = new Map<number, number>()
    for (let i = row * width; i < (row + 1) * width; i++) {
      const part = atlas.above(atlas.firstArea + area[i], level)
      chances.set(part, (chances.get(part) ?? 0) + share[i])
    }
    const [[likeliest]] = [...chances].sort(([a, p], [b, q]) => q - p || a - b)
    if (atlas.isWithin(likeliest, node)) counts.set(likeliest, (counts.get(likeliest) ?? 0) + 1)
  }
  const parts = [...counts]
    .filter(([, count]) => count >= leastOfPart && count >= leastShare * rows.length)
    .sort(([a, m], [b, n]) => n - m || a - b)
    .slice(0, mostParts)
  return {
    names: parts.map(([part]) => atlas.nodes[part].name),
    areAll: parts.reduce((sum, [, count]) => sum + count, 0) >= covered * rows.length,
  }
}

/** A topic that wants a name. */
export interface Unnamed {
  /** Its node of the atlas; -1 for none. */
  readonly node: number
  /** Positions of its papers in the memberships. */
  readonly rows: readonly number[]
  /** Its best terms, the best first. */
  readonly terms: readonly string[]
  /** What it is called without the atlas. */
  readonly label: string
}

/**
 * A label for each topic, all different: the name of its node; of what is left of a discipline or a domain, its name with
 * what that is in the main, or "…: further papers"; and where two topics have one node, its name with the term that sets
 * the topic apart.
 * @param sections of what the topics are sections, where they are
 * @param taken labels that others have
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
      const { name, level } = atlas.nodes[node]
      const lower = name.toLowerCase()
      const telling = terms.filter(
        (term) =>
          !term
            .toLowerCase()
            .split(/\s+/u)
            .some((word) => lower.includes(word.replace(/s$/u, ''))),
      )
      if (sections !== undefined && (level === 'discipline' || level === 'domain')) {
        const { names, areAll } = partsOf(sections, { rows, node, atlas })
        if (names.length > 0) candidates.push(`${name}: ${names.join('; ')}${areAll ? '' : ' and others'}`)
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
