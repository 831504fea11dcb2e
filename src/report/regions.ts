// Where on the map a topic is at home: the density of its papers (a Gaussian kernel on a grid), less the density of the
// topic that is densest there otherwise. Regions therefore do not overlap. A region's outline is the line of zero.
import { contours } from 'd3-contour'
import type { TimeSlice } from '../runtime/time-slice.ts'
import { colours } from './palette.ts'

/** Width and height of the map that coordinates are whole numbers of. */
export const mapSize = 10_000

const grid = 192
/** Share of a topic's greatest density at which its region ends, where no other topic is nearer. */
const edge = 0.14
/** Islands with a smaller share of a region's area are left out. */
const leastIsland = 0.1

export interface Region {
  /** Outline as an SVG path, in whole units of the map; empty for a topic that is nowhere the densest. */
  readonly outline: string
  /** Where its label belongs: deep inside the region. */
  readonly anchor: readonly [x: number, y: number]
  /** Position in the palette; topics that are close to each other have different ones, as far as there are enough. */
  readonly colour: number
}

/**
 * The regions of topics.
 * @param places `rows × 2` in units of the map
 * @param topicOf the topic of each row, from 0 to `count - 1`, or -1
 */
export async function findRegions(
  places: ArrayLike<number>,
  { topicOf, count, slice }: { readonly topicOf: ArrayLike<number>; readonly count: number; readonly slice: TimeSlice },
): Promise<Region[]> {
  const rows = topicOf.length
  // Few papers need wide kernels to make one region of a topic.
  const width = (0.11 * rows ** -0.24 * grid) | 0 || 1
  const densities: Float32Array[] = []
  for (let topic = 0; topic < count; topic++) {
    const density = new Float32Array(grid * grid)
    for (let row = 0; row < rows; row++)
      if (topicOf[row] === topic) density[cell(places[2 * row + 1]!) * grid + cell(places[2 * row]!)]!++
    // Three boxes make a Gaussian, nearly (Wells 1986).
    for (let pass = 0; pass < 3; pass++) blur(density, width)
    densities.push(density)
    if (slice.due()) await slice.rest()
  }
  const outlines: string[] = []
  const anchors: [number, number][] = []
  for (let topic = 0; topic < count; topic++) {
    const density = densities[topic]!
    const most = density.reduce((most, value) => Math.max(most, value), 0)
    const least = most * edge
    const lead = new Float64Array(density.length)
    for (let i = 0; i < lead.length; i++) {
      let other = 0
      if (density[i]! > 0)
        for (let rival = 0; rival < count; rival++)
          if (rival !== topic && densities[rival]![i]! > other) other = densities[rival]![i]!
      lead[i] = Math.min(density[i]! - least, density[i]! - other)
    }
    anchors.push(inmost(lead, density))
    outlines.push(most > 0 ? outline(lead) : '')
    if (slice.due()) await slice.rest()
  }
  const colourOf = distinctColours(anchors)
  return anchors.map((anchor, topic) => ({ outline: outlines[topic]!, anchor, colour: colourOf[topic]! }))
}

// The grid is a tenth wider than the map, so that outlines close within it.
const cell = (place: number) => Math.round((place / mapSize / 1.2 + 1 / 12) * (grid - 1))
const centre = (index: number) => Math.round((index / (grid - 1) - 1 / 12) * 1.2 * mapSize)

/** Replaces values by their means over boxes of `2 × width + 1`, in both directions. */
function blur(values: Float32Array, width: number): void {
  const line = new Float64Array(grid)
  for (const [along, across] of [
    [1, grid],
    [grid, 1],
  ] as const)
    for (let start = 0; start < grid * across; start += across) {
      let sum = 0
      for (let i = -width; i < grid; i++) {
        if (i + width < grid) sum += values[start + (i + width) * along]!
        if (i > width) sum -= line[i - width - 1]!
        if (i >= 0) {
          line[i] = values[start + i * along]!
          values[start + i * along] = sum / (2 * width + 1)
        }
      }
    }
}

/** The place of a region that most of the region lies around; the densest where there is no region. */
function inmost(lead: Float64Array, density: Float32Array): [number, number] {
  const around = Float32Array.from(lead, (value) => (value > 0 ? 1 : 0))
  for (let pass = 0; pass < 2; pass++) blur(around, grid >> 4)
  let best = -1
  for (let i = 0; i < lead.length; i++) if (lead[i]! > 0 && (best < 0 || around[i]! > around[best]!)) best = i
  if (best < 0) best = density.indexOf(density.reduce((most, value) => Math.max(most, value), 0))
  return [centre(best % grid), centre(Math.floor(best / grid))]
}

/** The line of zero around what is above it, without specks. */
function outline(lead: Float64Array): string {
  const { coordinates } = contours().size([grid, grid]).contour(Array.from(lead), 0)
  const area = (ring: readonly number[][]) => {
    let sum = 0
    for (let i = 0; i + 1 < ring.length; i++) sum += ring[i]![0]! * ring[i + 1]![1]! - ring[i + 1]![0]! * ring[i]![1]!
    return Math.abs(sum) / 2
  }
  const all = coordinates.reduce((sum, [ring = []]) => sum + area(ring), 0)
  return coordinates
    .filter(([ring = []]) => area(ring) >= leastIsland * all)
    .flatMap((rings) => rings.filter((ring) => area(ring) >= leastIsland * all))
    .map((ring) => {
      // A corner lies in the middle of a cell.
      const corners = ring.slice(0, -1).map(([x = 0, y = 0]) => `${centre(x - 0.5)} ${centre(y - 0.5)}`)
      return `M${corners.join('L')}Z`
    })
    .join('')
}

/** Gives topics that are close to each other different colours: each in turn the one whose bearers are farthest. */
function distinctColours(anchors: readonly (readonly [number, number])[]): number[] {
  const chosen: number[] = []
  for (const [topic, [x, y]] of anchors.entries()) {
    const crowding = new Float64Array(colours)
    for (let other = 0; other < topic; other++) {
      const [otherX, otherY] = anchors[other]!
      crowding[chosen[other]!]! += 1 / ((x - otherX) ** 2 + (y - otherY) ** 2 + 1)
    }
    let best = topic % colours
    for (let step = 1; step < colours; step++) {
      const colour = (topic + step) % colours
      if (crowding[colour]! < crowding[best]!) best = colour
    }
    chosen.push(best)
  }
  return chosen
}
