// A budget of the resource group. It only sends mails: nothing stops when it is used up.

@description('Name of the budget.')
param name string

@description('Amount in a month, in the currency of the bill.')
param amount int

@description('First day, yyyy-MM-01.')
param start string

@description('Mail address; empty = only the action group.')
param email string

@description('Resource id of the action group that is notified.')
param actionGroupId string

resource budget 'Microsoft.Consumption/budgets@2026-06-01' = {
  name: name
  properties: {
    category: 'Cost'
    amount: amount
    timeGrain: 'Monthly'
    timePeriod: {
      startDate: start
    }
    notifications: {
      spent: {
        enabled: true
        operator: 'GreaterThanOrEqualTo'
        threshold: 80
        thresholdType: 'Actual'
        contactEmails: empty(email) ? [] : [email]
        contactGroups: [actionGroupId]
      }
      forecast: {
        enabled: true
        operator: 'GreaterThanOrEqualTo'
        threshold: 100
        thresholdType: 'Forecasted'
        contactEmails: empty(email) ? [] : [email]
        contactGroups: [actionGroupId]
      }
    }
  }
}
