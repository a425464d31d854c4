module shakedown/bare-long-poll

go 1.22
