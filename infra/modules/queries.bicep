// Functions stored in the workspace: people call them in its Logs, and the workbook is built on them. Alert rules do not
// use them, so that a rule can be read, and made, without them.

@description('Name of the Log Analytics workspace.')
param workspaceName string

var functions = [
  {
    name: 'TodoAttachSteps'
    parameters: ''
    query: loadTextContent('../kql/functions/TodoAttachSteps.kql')
  }
  {
    name: 'TodoAttachOutcomes'
    parameters: ''
    query: loadTextContent('../kql/functions/TodoAttachOutcomes.kql')
  }
  {
    name: 'TodoAttachUpload'
    parameters: 'upload:string'
    query: loadTextContent('../kql/functions/TodoAttachUpload.kql')
  }
]

resource workspace 'Microsoft.OperationalInsights/workspaces@2025-02-01' existing = {
  name: workspaceName
}

resource saved 'Microsoft.OperationalInsights/workspaces/savedSearches@2025-02-01' = [
  for each in functions: {
    parent: workspace
    name: each.name
    properties: {
      // Azure overwrites an existing search only with an etag: without one, the second deployment ends with a 409. At the
      // top level of the resource Azure refuses the etag, and here the type does not have it.
      #disable-next-line BCP037
      etag: '*'
      category: 'todo-attach'
      displayName: each.name
      functionAlias: each.name
      functionParameters: empty(each.parameters) ? null : each.parameters
      query: each.query
      version: 2
    }
  }
]
