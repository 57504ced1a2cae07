// Traffic: who gets what share.
import { versionColor, weight } from '../format';
import type { Arm } from '../types';

export function SplitBar({ arms, small = false }: { arms: Arm[]; small?: boolean }) {
  const shown = arms.filter((a) => a.weight_percent > 0);
  if (shown.length === 0) return <span className="muted">no traffic</span>;
  return (
    <div
      className={`split${small ? ' small' : ''}`}
      role="img"
      aria-label={shown.map((a) => `version ${a.version} ${weight(a.weight_percent)} (${a.arm})`).join(', ')}
    >
      {shown.map((a) => {
        const color = versionColor(a.version);
        return (
          <span
            key={a.arm + a.version}
            style={{
              width: `${a.weight_percent}%`,
              background: color,
              color: color.replace('--series', '--on-series'),
            }}
            title={`version ${a.version} · ${a.arm} · ${weight(a.weight_percent)}`}
          >
            {!small && a.weight_percent >= 8 ? `v${a.version} ${weight(a.weight_percent)}` : ''}
          </span>
        );
      })}
    </div>
  );
}

export function SplitText({ arms }: { arms: Arm[] }) {
  return (
    <>
      {arms
        .filter((a) => a.weight_percent > 0)
        .map((a) => `v${a.version} ${weight(a.weight_percent)}`)
        .join(' · ')}
    </>
  );
}
