"""Log records made in a child process, on their way to the handlers of its parent. Knows no call and no actor."""
