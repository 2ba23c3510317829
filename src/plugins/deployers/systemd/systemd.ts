/** A unit of systemd: whatever server it is, systemd knows how it is reloaded. */
import { AppError } from '../../../base/errors.ts'
import type { Deployer } from '../../../contracts/deployer.ts'
import type { TargetOptions } from '../../../contracts/target-options.ts'
import { createServiceDeployer, obstacleOf, type ServiceRuntime } from '../service.ts'
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
          requireFit(await showUnit(unit, options, runtime), { unit, action })
          return undefined
        } catch (error) {
          return obstacleOf(error)
        }
      },
      activate: ({ signal }) => actOnUnit(action, unit, { signal }, runtime),
    },
    runtime,
  )
}

/**
 * Whether an action can be had of a unit. Pure.
 * @throws AppError ERR_DEPLOY
 */
function requireFit(
  { isLoaded, state, canReload }: Unit,
  { unit, action }: { readonly unit: string; readonly action: string },
): void {
  if (!isLoaded) throw noSuchUnit(unit)
  if (action !== 'reload') return // the others start it where it does not run
  if (!canReload) {
    const hint = 'leave action out, or write action: restart'
    throw new AppError('ERR_DEPLOY', `${unit} cannot be reloaded`, { hint, lasting: true })
  }
  if (state === 'active' || state === 'reloading') return
  const hint = `systemctl start ${unit}`
  throw new AppError('ERR_DEPLOY', `${unit} is ${state}, so it cannot be reloaded`, { hint })
}
