// The drift heat map: features × windows. Colour is the score relative to its threshold where the window drifted; plain where it did
// not; hatched where nothing could be computed. The number is in the cell, so colour is never the only carrier.
import { useState } from 'react';
import { count, fixed, num, percent, probability, toNumber, words } from '../format';
import type { FeatureScore, Window } from '../types';
import { Tip } from './charts';

interface Props {
  windows: Window[];
  features: string[];
  chosen: { window: string; feature: string } | null;
  onChoose: (window: string, feature: string) => void;
  marks: Record<string, string>;
}

/** Mix of the ramp for score / threshold from 1 (just drifted) to 8 and more, on a logarithmic scale. */
export function heatColor(ratio: number): string {
  const t = Math.min(1, Math.max(0, Math.log2(Math.max(1, ratio)) / 3));
  const [from, to, share] = t < 0.5 ? ['low', 'mid', t * 2] : ['mid', 'high', (t - 0.5) * 2];
  return `color-mix(in oklab, var(--heat-${to}) ${Math.round(share * 100)}%, var(--heat-${from}))`;
}

/** Black or white, whichever reads better on that colour in this theme. */
function heatText(ratio: number): string {
  const t = Math.log2(Math.max(1, ratio)) / 3;
  return `var(--heat-text-${t < 0.5 ? 1 : t < 0.82 ? 2 : 3})`;
}

function text(score: FeatureScore) {
  const n = toNumber(score.score);
  return n === null ? '–' : n >= 10 ? n.toFixed(0) : n >= 1 ? n.toFixed(1) : n.toFixed(2);
}

export function Heatmap({ windows, features, chosen, onChoose, marks }: Props) {
  const [tip, setTip] = useState<{ x: number; y: number; window: Window; score: FeatureScore } | null>(null);
  return (
    <div className="table-wrap" onPointerLeave={() => setTip(null)}>
      <table className="heat">
        <caption className="sr">drift score of each feature in each window</caption>
        <thead>
          <tr>
            <th scope="col" />
            {windows.map((w) => (
              <th key={w.id} scope="col" aria-current={chosen?.window === w.id ? 'true' : undefined}>
                {w.id}
                {marks[w.id] && <div className="marker">{marks[w.id]}</div>}
                {w.state === 'open' && <div>open</div>}
                {w.incomplete && <div className="tone-warning">incomplete</div>}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {features.map((feature) => (
            <tr key={feature}>
              <th scope="row" className="feature" title={feature}>
                {label(feature)}
              </th>
              {windows.map((w) => {
                const score = w.features.find((f) => f.name === feature);
                if (!score) return <td key={w.id} />;
                const value = toNumber(score.score);
                const threshold = toNumber(score.threshold);
                const hot = score.drifted && value !== null && threshold;
                const ratio = hot ? value / threshold : 0;
                return (
                  <td key={w.id}>
                    <button
                      type="button"
                      className={`cell${hot ? ' hot' : ''}${value === null ? ' hatch' : ''}`}
                      aria-pressed={chosen?.window === w.id && chosen.feature === feature}
                      aria-label={`${feature} in ${w.id}: ${value === null ? words(score.status) : `${score.test} ${text(score)}, ${score.drifted ? 'drifted' : 'no drift'}`}`}
                      style={hot ? { background: heatColor(ratio), color: heatText(ratio) } : undefined}
                      onClick={() => onChoose(w.id, feature)}
                      onPointerMove={(e) => setTip({ x: e.clientX, y: e.clientY, window: w, score })}
                      onPointerLeave={() => setTip(null)}
                    >
                      {value === null ? '▨' : text(score)}
                    </button>
                  </td>
                );
              })}
            </tr>
          ))}
          <tr className="rule">
            <td />
          </tr>
          <Plain name="features drifted" windows={windows} value={(w) => percent(w.metrics.drift_share, 0)} />
          <Plain name="rows" windows={windows} value={(w) => count(w.metrics.rows)} />
          <Plain name="labelled" windows={windows} value={(w) => percent(w.metrics.label_coverage, 0)} />
          <Plain name="AUC" windows={windows} value={(w) => fixed(w.metrics.auc, 3)} />
          <Plain name="log loss" windows={windows} value={(w) => fixed(w.metrics.log_loss, 3)} />
          <Plain
            name="model version"
            windows={windows}
            value={(w) => w.versions.map((v) => `v${v.version}`).join(' ')}
          />
        </tbody>
      </table>
      <Tip at={tip}>
        {tip && (
          <>
            <b>
              {label(tip.score.name)} · {tip.window.id}
            </b>
            <table>
              <tbody>
                <tr>
                  <td>{tip.score.test}</td>
                  <td>{num(tip.score.score)}</td>
                </tr>
                <tr>
                  <td>threshold</td>
                  <td>{num(tip.score.threshold)}</td>
                </tr>
                {tip.score.expected_null !== undefined && (
                  <tr>
                    <td>expected without drift</td>
                    <td>{num(tip.score.expected_null, 2)}</td>
                  </tr>
                )}
                {tip.score.q_value !== undefined && (
                  <tr>
                    <td>q</td>
                    <td>{probability(tip.score.q_value)}</td>
                  </tr>
                )}
                <tr>
                  <td>missing</td>
                  <td>
                    {percent(tip.score.reference_missing_rate)} → {percent(tip.score.missing_rate)}
                  </td>
                </tr>
                <tr>
                  <td>rows</td>
                  <td>{count(tip.window.metrics.rows)}</td>
                </tr>
              </tbody>
            </table>
            {tip.score.status !== 'ok' && <div className="muted">{words(tip.score.status)}</div>}
          </>
        )}
      </Tip>
    </div>
  );
}

export function label(feature: string) {
  return feature === 'fettle_score' ? 'prediction (score)' : feature === 'fettle_confidence' ? 'confidence' : feature;
}

function Plain({ name, windows, value }: { name: string; windows: Window[]; value: (w: Window) => string }) {
  return (
    <tr>
      <th scope="row" className="feature">
        {name}
      </th>
      {windows.map((w) => (
        <td key={w.id} className="plain">
          {value(w)}
        </td>
      ))}
    </tr>
  );
}
