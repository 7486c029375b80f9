// The alert rules. docs/operations.md has a heading for each, "Alert: <name>": what it means, and what to do.
//
// Severity: 1 = files are lost or late, and an operator must act; 2 = look at it today; 3 = a sender or a person must act.
// A window is longer than the time between two runs, since telemetry arrives some minutes late. Rules are stateful: they
// send one mail when an alert begins, and one when it ends.

@description('End of the names of the rules.')
param suffix string

@description('Azure region: that of the workspace.')
param location string

@description('Tags of every resource.')
param tags object

@description('Resource id of the Log Analytics workspace that the rules query.')
param workspaceId string

@description('Resource id of the action group that sends the mails.')
param actionGroupId string

@description('Whether the rules run.')
param enabled bool

@description('Whether the rule "silent" runs, where the others do.')
param silentEnabled bool

@description('Whether the rule "rejected" runs, where the others do.')
param rejectedEnabled bool

@description('Where people read docs/operations.md; empty = alerts have no link.')
param operationsUrl string

var rules = [
  {
    name: 'failed'
    meaning: 'Uploads gave up, or messages were poison.'
    severity: 1
    every: 'PT5M'
    window: 'PT15M'
    operator: 'GreaterThan'
    threshold: 0
    query: loadTextContent('../kql/alerts/failed.kql')
  }
  {
    name: 'stalled'
    meaning: 'An upload has made no progress for 15 minutes, and the sweep did not help.'
    severity: 1
    every: 'PT5M'
    window: 'PT30M'
    operator: 'GreaterThan'
    threshold: 1
    query: loadTextContent('../kql/alerts/stalled.kql')
  }
  {
    name: 'unheard'
    meaning: 'Blobs are written, and the application does not hear of them.'
    severity: 1
    every: 'PT15M'
    window: 'PT1H'
    operator: 'GreaterThan'
    threshold: 0
    query: loadTextContent('../kql/alerts/unheard.kql')
  }
  {
    name: 'silent'
    meaning: 'No sign of life for half an hour: the application does not run, or its telemetry does not arrive.'
    severity: 1
    every: 'PT15M'
    window: 'PT30M'
    operator: 'LessThan'
    threshold: 1
    query: loadTextContent('../kql/alerts/silent.kql')
  }
  {
    name: 'exceptions'
    meaning: 'More than five runs raised in 15 minutes.'
    severity: 2
    every: 'PT5M'
    window: 'PT15M'
    operator: 'GreaterThan'
    threshold: 5
    query: loadTextContent('../kql/alerts/exceptions.kql')
  }
  {
    name: 'host'
    // The app recovers from one or two by itself: a message comes back, a worker is started again. The third death of a
    // worker within half an hour ends the host.
    meaning: 'The host told more than two errors of its own in half an hour.'
    severity: 2
    every: 'PT15M'
    window: 'PT30M'
    operator: 'GreaterThan'
    threshold: 2
    query: loadTextContent('../kql/alerts/host.kql')
  }
  {
    name: 'throttled'
    meaning: 'Microsoft Graph throttled an account for most of an hour.'
    severity: 2
    every: 'PT15M'
    window: 'PT1H'
    operator: 'GreaterThan'
    threshold: 0
    query: loadTextContent('../kql/alerts/throttled.kql')
  }
  {
    name: 'signin'
    meaning: 'Files wait for people to sign in.'
    severity: 3
    every: 'PT15M'
    window: 'PT30M'
    operator: 'GreaterThan'
    threshold: 0
    query: loadTextContent('../kql/alerts/signin.kql')
  }
  {
    name: 'rejected'
    meaning: 'Files were rejected: who put them has to put something right.'
    severity: 3
    every: 'PT15M'
    window: 'PT30M'
    operator: 'GreaterThan'
    threshold: 0
    query: loadTextContent('../kql/alerts/rejected.kql')
  }
]

var off = concat(silentEnabled ? [] : ['silent'], rejectedEnabled ? [] : ['rejected'])

resource alerts 'Microsoft.Insights/scheduledQueryRules@2026-03-01' = [
  for rule in rules: {
    name: 'alert-${rule.name}-${suffix}'
    location: location
    tags: tags
    kind: 'LogAlert'
    properties: {
      displayName: 'todo-attach ${rule.name}'
      description: '${rule.meaning} What to do: ${empty(operationsUrl) ? 'docs/operations.md, "Alert: ${rule.name}"' : '${operationsUrl}#alert-${rule.name}'}'
      severity: rule.severity
      enabled: enabled && !contains(off, rule.name)
      scopes: [workspaceId]
      evaluationFrequency: rule.every
      windowSize: rule.window
      autoMitigate: true
      // A new workspace may not have a table before its first row.
      skipQueryValidation: true
      criteria: {
        allOf: [
          {
            query: rule.query
            timeAggregation: 'Count'
            operator: rule.operator
            threshold: rule.threshold
            failingPeriods: {
              numberOfEvaluationPeriods: 1
              minFailingPeriodsToAlert: 1
            }
          }
        ]
      }
      actions: {
        actionGroups: [actionGroupId]
      }
    }
  }
]

@description('Resource id of the rule "silent".')
output silentId string = resourceId('Microsoft.Insights/scheduledQueryRules', 'alert-silent-${suffix}')
