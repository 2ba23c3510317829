/** A unit of systemd: whatever server it is, systemd knows how it is reloaded. */
import { AppError, isAppError } from '../../../base/errors.ts'
import type { Deployer } from '../../../contracts/deployer.ts'
import type { TargetOptions } from '../../../contracts/target-options.ts'
import { createServiceDeployer, type Obstacle, type ServiceRuntime } from '../service.ts'
import { actOnUnit, noSuchUnit, showUnit, type Unit } from './systemctl.ts'

/** A deployer for one unit. */
export function createSystemdDeployer(target: TargetOptions<'systemd'>, runtime: ServiceRuntime): Deployer {
  const { unit, action = 'reload-or-restart' } = target
  return createServiceDeployer(
    'systemd',
    target,
    {
      source: unit,
      obstacle: async options => {
        try {
          return obstacleAt(await showUnit(unit, options, runtime), { unit, action })
        } catch (error) {
          if (!isAppError(error, 'ERR_DEPLOY')) throw error
          return { state: 'broken', error }
        }
      },
      activate: ({ signal }) => actOnUnit(action, unit, { signal }, runtime),
    },
    runtime,
  )
}

/** What speaks against an action on a unit. Pure. */
function obstacleAt(
  { isLoaded, state, canReload }: Unit,
  { unit, action }: { readonly unit: string; readonly action: string },
): Obstacle | undefined {
  if (!isLoaded) return { state: 'broken', error: noSuchUnit(unit) }
  if (action !== 'reload') return undefined // the others start it where it does not run
  if (!canReload) {
    const hint = 'leave action out, or write action: restart'
    return { state: 'broken', error: new AppError('ERR_DEPLOY', `${unit} cannot be reloaded`, { hint }) }
  }
  if (state === 'active' || state === 'reloading') return undefined
  const hint = `systemctl start ${unit}`
  const error = new AppError('ERR_DEPLOY', `${unit} is ${state}, so it cannot be reloaded`, { hint })
  return { state: 'not-running', error }
}
