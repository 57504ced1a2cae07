// A write: a dialog that says what will change, asks a reason, sends it, and shows the refusal with its fix.
import { useState, type ReactNode } from 'react';
import { ApiError, request } from '../api';
import { Failed } from './basics';
import { Layer } from './palette';

interface Props {
  label: string;
  effect: ReactNode;
  url: string;
  body?: Record<string, unknown>;
  tone?: 'danger' | 'primary';
  disabled?: string;
  done: () => void;
  needsReason?: boolean;
}

export function Act({ label, effect, url, body = {}, tone, disabled, done, needsReason = false }: Props) {
  const [open, setOpen] = useState(false);
  const [reason, setReason] = useState('');
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const send = async () => {
    setBusy(true);
    setError(null);
    try {
      await request('POST', url, { ...body, reason, by: 'ui' });
      setOpen(false);
      setReason('');
      done();
    } catch (cause) {
      setError(cause instanceof ApiError ? cause : new ApiError(String(cause), 0));
    } finally {
      setBusy(false);
    }
  };
  return (
    <>
      <button
        type="button"
        className={`button ${tone ?? ''}`}
        disabled={!!disabled}
        title={disabled}
        onClick={() => setOpen(true)}
      >
        {label}
      </button>
      {open && (
        <Layer close={() => setOpen(false)} label={label}>
          <div className="stack" style={{ gap: 12 }}>
            <h2>{label}</h2>
            <div className="secondary">{effect}</div>
            <label className="stack" style={{ gap: 4 }}>
              <span>Reason{needsReason ? '' : ' (kept in the history)'}</span>
              <textarea
                className="input"
                rows={2}
                maxLength={1000}
                value={reason}
                onChange={(e) => setReason(e.target.value)}
              />
            </label>
            {error && <Failed error={error} refused />}
            <div className="row" style={{ justifyContent: 'flex-end' }}>
              <button type="button" className="button big" onClick={() => setOpen(false)}>
                Cancel
              </button>
              <button
                type="button"
                className={`button big ${tone ?? 'primary'}`}
                disabled={busy || (needsReason && !reason.trim())}
                onClick={send}
              >
                {busy ? 'sending…' : label}
              </button>
            </div>
          </div>
        </Layer>
      )}
    </>
  );
}
