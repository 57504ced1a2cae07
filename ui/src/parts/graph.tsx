// The lineage graph, left to right. Layers are longest paths from the causes; within a layer nodes are ordered by the mean position of
// their neighbours (a few sweeps), which removes most crossings of graphs of this size.
import { useLayoutEffect, useMemo, useRef, useState } from 'react';
import { ago, pageOf, words } from '../format';
import { navigate } from '../router';
import type { Lineage, LineageNode } from '../types';

const kWidth = 168;
const kHeight = 50;
const kGapX = 40;
const kGapY = 16;

interface Placed extends LineageNode {
  x: number;
  y: number;
}

type Edge = { from: string; to: string };

/**
 * The edges that can all point to the right. Objects that live long (an alert, an endpoint) close circles over time; edges near the root
 * are taken first, so the circle is cut where it is farthest from what was asked for.
 */
export function forwardEdges(graph: Lineage): Edge[] {
  const depth = new Map(graph.nodes.map((n) => [n.id, Math.abs(n.depth)]));
  const near = (e: Edge) => Math.min(depth.get(e.from) ?? 0, depth.get(e.to) ?? 0);
  const candidates = graph.edges
    .filter((e) => depth.has(e.from) && depth.has(e.to) && e.from !== e.to)
    .toSorted((a, b) => near(a) - near(b));
  const next = new Map<string, string[]>();
  const reaches = (start: string, target: string) => {
    const seen = new Set([start]);
    const queue = [start];
    for (let id = queue.pop(); id !== undefined; id = queue.pop()) {
      if (id === target) return true;
      for (const other of next.get(id) ?? []) {
        if (!seen.has(other)) {
          seen.add(other);
          queue.push(other);
        }
      }
    }
    return false;
  };
  return candidates.filter((e) => {
    if (reaches(e.to, e.from)) return false;
    next.set(e.from, [...(next.get(e.from) ?? []), e.to]);
    return true;
  });
}

export function layout(graph: Lineage): { nodes: Placed[]; width: number; height: number } {
  const edges = forwardEdges(graph);
  const layer = new Map<string, number>(graph.nodes.map((n) => [n.id, 0]));
  for (let round = 0; round < graph.nodes.length; round += 1) {
    let moved = false;
    for (const e of edges) {
      const wanted = (layer.get(e.from) ?? 0) + 1;
      if ((layer.get(e.to) ?? 0) < wanted && wanted < graph.nodes.length) {
        layer.set(e.to, wanted);
        moved = true;
      }
    }
    if (!moved) break;
  }
  pullCauses(layer, edges);
  const columns: LineageNode[][] = [];
  for (const n of graph.nodes) (columns[layer.get(n.id) ?? 0] ??= []).push(n);
  const dense = columns.filter((c) => c && c.length > 0);
  const order = new Map<string, number>();
  dense.forEach((column) => column.forEach((n, i) => order.set(n.id, i)));
  for (let sweep = 0; sweep < 6; sweep += 1) {
    for (const column of sweep % 2 ? dense.toReversed() : dense) {
      const weight = (n: LineageNode) => {
        const near = edges.flatMap((e) => (e.to === n.id ? [e.from] : e.from === n.id ? [e.to] : []));
        return near.length
          ? near.reduce((sum, id) => sum + (order.get(id) ?? 0), 0) / near.length
          : (order.get(n.id) ?? 0);
      };
      const weights = new Map(column.map((n) => [n.id, weight(n)]));
      column.sort((a, b) => (weights.get(a.id) ?? 0) - (weights.get(b.id) ?? 0));
      column.forEach((n, i) => order.set(n.id, i));
    }
  }
  const tallest = Math.max(...dense.map((c) => c.length), 1);
  const height = tallest * (kHeight + kGapY) + kGapY;
  const nodes = dense.flatMap((column, c) => {
    const offset = (height - column.length * (kHeight + kGapY) + kGapY) / 2;
    return column.map((n, i) => ({ ...n, x: 16 + c * (kWidth + kGapX), y: offset + i * (kHeight + kGapY) }));
  });
  return { nodes, width: 32 + dense.length * (kWidth + kGapX) - kGapX, height };
}

/** A cause without causes of its own stands right before its first effect, not in the first column. */
function pullCauses(layer: Map<string, number>, edges: { from: string; to: string }[]) {
  const hasCause = new Set(edges.map((e) => e.to));
  for (const id of layer.keys()) {
    const effects = edges.filter((e) => e.from === id).map((e) => layer.get(e.to) ?? 0);
    if (!hasCause.has(id) && effects.length) layer.set(id, Math.max(0, Math.min(...effects) - 1));
  }
}

function reach(start: string, edges: { from: string; to: string }[]): Set<string> {
  const lit = new Set([start]);
  for (const [near, far] of [
    ['to', 'from'],
    ['from', 'to'],
  ] as const) {
    const queue = [start];
    while (queue.length) {
      const id = queue.pop();
      for (const e of edges) {
        if (e[near] === id && !lit.has(e[far])) {
          lit.add(e[far]);
          queue.push(e[far]);
        }
      }
    }
  }
  return lit;
}

const clip = (text: string, n: number) => (text.length > n ? `${text.slice(0, n - 1)}…` : text);

/** Time-ordered ids differ at their end, so the middle goes; other names lose their end. */
function shortName(name: string) {
  const id = name.match(/^([0-9A-Z]{5})[0-9A-Z]{17}([0-9A-Z]{4}(?:\/\d+)?)$/);
  if (id) return `${id[1]}…${id[2]}`;
  return clip(name, /[A-Z0-9]{6}/.test(name) ? 18 : 21);
}

export function Graph({ graph, maxHeight }: { graph: Lineage; maxHeight?: number }) {
  const { nodes, width, height } = useMemo(() => layout(graph), [graph]);
  const [hover, setHover] = useState<string | null>(null);
  const lit = useMemo(() => (hover ? reach(hover, graph.edges) : null), [hover, graph.edges]);
  const at = useMemo(() => new Map(nodes.map((n) => [n.id, n])), [nodes]);
  const box = useRef<HTMLDivElement>(null);
  const root = at.get(graph.root);
  const rootX = root?.x;
  const rootY = root?.y;
  useLayoutEffect(() => {
    const element = box.current;
    if (!element || rootX === undefined || rootY === undefined) return;
    element.scrollLeft = rootX + kWidth / 2 - element.clientWidth / 2;
    element.scrollTop = rootY + kHeight / 2 - element.clientHeight / 2;
  }, [graph.root, rootX, rootY]);
  return (
    <div ref={box} className={`graph${lit ? ' faded' : ''}`} style={maxHeight ? { maxHeight } : undefined}>
      <svg
        width={width}
        height={height}
        role="group"
        aria-label={`lineage graph of ${graph.root}: ${nodes.length} objects`}
      >
        <defs>
          <marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="6" markerHeight="6" orient="auto">
            <path d="M0 0L8 4L0 8Z" fill="var(--control)" />
          </marker>
        </defs>
        {graph.edges.map((e) => {
          const from = at.get(e.from);
          const to = at.get(e.to);
          if (!from || !to) return null;
          const x1 = from.x + kWidth;
          const y1 = from.y + kHeight / 2;
          const y2 = to.y + kHeight / 2;
          const bend = Math.max(24, (to.x - x1) / 2);
          return (
            <path
              key={`${e.from}>${e.to}>${e.kind}`}
              className={`edge${lit?.has(e.from) && lit.has(e.to) ? ' lit' : ''}`}
              d={`M${x1} ${y1}C${x1 + bend} ${y1} ${to.x - bend} ${y2} ${to.x} ${y2}`}
              markerEnd="url(#arrow)"
            >
              <title>{`${e.from} ${words(e.kind)} ${e.to}`}</title>
            </path>
          );
        })}
        {nodes.map((n) => {
          const to = pageOf(n.id);
          const open = () => navigate(to && n.id !== graph.root ? to : `/lineage?id=${encodeURIComponent(n.id)}`);
          return (
            <g
              key={n.id}
              className={`node${n.id === graph.root ? ' root' : ''}${lit?.has(n.id) ? ' lit' : ''}`}
              transform={`translate(${n.x} ${n.y})`}
              role="link"
              tabIndex={0}
              onPointerEnter={() => setHover(n.id)}
              onPointerLeave={() => setHover(null)}
              onFocus={() => setHover(n.id)}
              onBlur={() => setHover(null)}
              onClick={open}
              onKeyDown={(e) => e.key === 'Enter' && open()}
            >
              <rect width={kWidth} height={kHeight} rx="4" />
              <text className="kind" x="10" y="16">
                {words(n.kind)}
                {n.at_ms ? ` · ${ago(n.at_ms)}` : ''}
              </text>
              <text x="10" y="31" style={{ fontWeight: 600 }}>
                {shortName(nodeName(n))}
              </text>
              <text className="state" x="10" y="44">
                {clip(n.state ?? attributeText(n), 27)}
              </text>
              <title>{`${n.id}\n${attributeText(n)}`}</title>
            </g>
          );
        })}
      </svg>
    </div>
  );
}

/** What people call the object: an id that stands for a name loses its prefix. */
export function nodeName(n: LineageNode): string {
  if (n.name && n.name !== n.id) return n.name;
  const version = n.id.match(/^models:\/(.+)\/(\d+)$/);
  if (version) return `${version[1]} v${version[2]}`;
  const window = n.id.match(/^window\/(.+)\/([^/]+)$/);
  if (window) return `${window[2]} ${window[1]}`;
  return n.id.slice(n.id.indexOf('/') + 1);
}

export function attributeText(n: LineageNode) {
  return Object.entries(n.attributes ?? {})
    .filter(([, v]) => v !== null && v !== '')
    .map(([k, v]) => `${words(k)} ${Array.isArray(v) ? v.join(', ') : v}`)
    .join(' · ');
}
